/**
 * The completion script for fish, 3.0 and newer.
 * @module
 */
import { type Described, type Kind, wordsText } from "./model.ts";

const COMMON = String.raw`
# The words that stand alone, behind the command.
function __kodeno_words
    set -l tokens (commandline -opc)
    set -e tokens[1]
    set -l values (__kodeno_values $tokens[1])
    set -e tokens[1]
    set -l skip no
    for token in $tokens
        if test $skip = yes
            set skip no
        else if string match -q -- '-*' $token
            contains -- $token $values; and set skip yes
        else
            echo -- $token
        end
    end
end

# Whether so many of them stand before this one, or more where that is said.
function __kodeno_at
    __fish_seen_subcommand_from (string split , $argv[1]); or return 1
    set -l count (count (__kodeno_words))
    test $count -eq $argv[2]; and return 0
    test "$argv[3]" = more -a $count -gt $argv[2]
end

function __kodeno_ask
    set -l tokens (commandline -opc)
    set -l word (commandline -ct | string replace -r -- '^--[a-z-]+=' '')
    set -l place (__kodeno_words)
    $tokens[1] __complete $argv[1] "$word" "$place[1]" 2>/dev/null
end

complete -c kodeno -f
complete -c kodeno -n __fish_use_subcommand -l version -d 'tell the versions of kodeno, Deno and Go'`;

/** Writes the script. */
export function fishScript(commands: readonly Described[]): string {
  return [
    '# Completes kodeno in fish; made by "kodeno completion fish".',
    "function __kodeno_values",
    "    switch $argv[1]",
    ...commands.flatMap(({ names, flags }) => {
      const values = flags.filter(({ value }) => value !== undefined)
        .flatMap(({ short, long }) => [...(short ? [`-${short}`] : []), `--${long}`]);
      if (values.length === 0) return [];
      return [
        `        case ${names.join(" ")}`,
        `            string split ' ' -- '${values.join(" ")}'`,
      ];
    }),
    "    end",
    "end",
    COMMON,
    ...commands.flatMap(linesOf),
    "",
  ].join("\n");
}

function linesOf({ names, about, flags, words }: Described): readonly string[] {
  const condition = quotedForFish(`__fish_seen_subcommand_from ${names.join(" ")}`);
  return [
    "",
    ...names.map((name) =>
      `complete -c kodeno -n __fish_use_subcommand -a ${name} -d ${quotedForFish(about)}`
    ),
    ...flags.map(({ short, long, about, value }) =>
      [
        `complete -c kodeno -n ${condition}`,
        ...(short ? [`-s ${short}`] : []),
        `-l ${long}`,
        ...(value === undefined ? [] : [valueOf(value)]),
        `-d ${quotedForFish(about)}`,
      ].join(" ")
    ),
    ...words.flatMap(({ kind, more }, i) => {
      if (kind === "none") return [];
      const at = [`__kodeno_at ${names.join(",")} ${i}`, ...(more ? ["more"] : [])].join(" ");
      return [`complete -c kodeno -n ${quotedForFish(at)} ${wordOf(kind)}`];
    }),
  ];
}

function valueOf(kind: Kind): string {
  if (kind === "none") return "-x";
  return kind === "file" ? "-r -F" : `-x ${wordOf(kind)}`;
}

function wordOf(kind: Kind): string {
  if (kind === "file") return "-F";
  if (kind === "dir") return "-a '(__fish_complete_directories (commandline -ct))'";
  if (typeof kind === "string") return `-a '(__kodeno_ask ${kind})'`;
  return `-a ${
    quotedForFish(wordsText([{ kind, more: false }])[0]?.slice(1).replaceAll(",", " ") ?? "")
  }`;
}

/** In fish's single quotes a backslash escapes. */
function quotedForFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
