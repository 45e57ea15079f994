/**
 * `kodeno completion`: a thin script for a shell, which hands the words of the line to
 * `kodeno __complete` and shows what that answers. What there is to choose from, the program itself
 * says: its commands, their flags and arguments.
 * @module
 */
import { printable } from "../errors.ts";
import type { Command, Option } from "../npm/commander.ts";
import { command, type Commands } from "./command.ts";
import { printResult, printText } from "./output.ts";

const SCRIPTS: Readonly<Record<string, string>> = {
  // Words are taken apart at ":" and "=" there, and completed behind the last of these.
  bash: `# Completes kodeno in bash 3.2 and newer; made by "kodeno completion bash".
_kodeno() {
  local words=() cur last='' word line cut='' mark i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((i > 1)) && [[ $word =~ ^[:=]+$ ||
      ( $last =~ ^[:=]+$ && ( -n $word || \${COMP_LINE:0:COMP_POINT} != *' ' ) ) ]]; then
      words[\${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    last=$word
  done
  cur=\${words[\${#words[@]} - 1]}
  for mark in : =; do
    [[ $COMP_WORDBREAKS == *$mark* && $cur == *$mark* ]] || continue
    word=\${cur%"\${cur##*$mark}"}
    ((\${#word} > \${#cut})) && cut=$word
  done
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
    :files | :folders)
      [[ $cur == --*=* ]] && cur=\${cur#*=}
      [[ $line == :files ]] && mark=-f || mark=-d
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen $mark -- "$cur")
      ;;
    :*) ;;
    *)
      word=\${line%%$'\\t'*}
      COMPREPLY+=("\${word#"$cut"}")
      ;;
    esac
  done < <("\${words[0]/#\\~/$HOME}" __complete -- "\${words[@]:1}" 2>/dev/null)
  # What can go on goes on without a space.
  if ((\${#COMPREPLY[@]} == 1)) && [[ \${COMPREPLY[0]} == *[/:] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}

complete -F _kodeno kodeno
`,
  zsh: `#compdef kodeno
# Completes kodeno in zsh; made by "kodeno completion zsh".
_kodeno() {
  local line word about
  local -a lines plain open
  lines=("\${(@f)$("\${(Q)words[1]/#\\~/$HOME}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  case $lines[-1] in
  (:files) compset -P 1 '--*='; _files ;;
  (:folders) compset -P 1 '--*='; _files -/ ;;
  (*)
    for line in "\${(@)lines[1,-2]}"; do
      word=\${\${line%%$'\\t'*}//:/\\\\:} about=\${\${line#*$'\\t'}//:/\\\\:}
      # What can go on goes on without a space.
      if [[ $word == *[/:] ]]; then open+=("$word:$about"); else plain+=("$word:$about"); fi
    done
    (( $#plain )) && _describe kodeno plain
    (( $#open )) && _describe kodeno open -S ''
    ;;
  esac
}

if [[ $funcstack[1] == _kodeno ]]; then
  _kodeno "$@"
else
  compdef _kodeno kodeno
fi
`,
  fish: `# Completes kodeno in fish 3.0 and newer; made by "kodeno completion fish".
function __kodeno_complete
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l lines ($words[1] __complete -- $words[2..-1] "$cur" 2>/dev/null)
    set -l path (string replace -r -- '^--[a-z-]+=' '' "$cur")
    set -l before (string match -r -- '^--[a-z-]+=' "$cur")
    switch "$lines[-1]"
        case :files
            __fish_complete_path "$path" | string replace -r -- '^' "$before"
        case :folders
            __fish_complete_directories "$path" | string replace -r -- '^' "$before"
        case '*'
            string match -v -r -- '^:' $lines
    end
end

complete -c kodeno -f -a '(__kodeno_complete)'
`,
  // Older ones lose an empty word on the way to a program: quotes stand for it.
  powershell: `# Completes kodeno in PowerShell; made by "kodeno completion powershell".
Register-ArgumentCompleter -Native -CommandName kodeno -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { "$_" })
    $rest = @($words | Select-Object -Skip 1)
    # Of a list with commas it takes the last part for the word.
    $last = $words[-1]
    $cut = 0
    if ($last.EndsWith(",$wordToComplete")) { $cut = $last.Length - $wordToComplete.Length }
    elseif ($wordToComplete -eq '') { $rest += '""' }
    $lines = @(& $words[0] __complete '--' @rest 2>$null)
    # Without an answer PowerShell completes files itself.
    if ($lines.Count -eq 0 -or $lines[-1] -in ':files', ':folders') { return }
    if ($lines.Count -eq 1) { return '' }
    $lines[0..($lines.Count - 2)] | ForEach-Object {
        $word, $about = $_ -split "\`t", 2
        $word = $word.Substring($cut)
        $tip = if ($about) { $about } else { $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $tip)
    }
}
`,
};

const completion = command({
  about:
    `Prints a script by which a shell completes commands, flags, import paths, folders with main
    packages, and images of layouts.`,
  words: ["<shell>  which shell"],
  choices: Object.keys(SCRIPTS),
  examples: {
    "bash: in ~/.bashrc": "source <(kodeno completion bash)",
    "zsh: in ~/.zshrc, behind compinit": "source <(kodeno completion zsh)",
    "fish": "kodeno completion fish > ~/.config/fish/completions/kodeno.fish",
    "PowerShell: in the profile": "kodeno completion powershell | Out-String | Invoke-Expression",
  },
  endsAtOnce: true,
  run: (_, _work, shell) => printText(SCRIPTS[shell] ?? ""),
});

/** Kinds of words, by the name of the argument, the flag, or what stands in its brackets. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  package: ["pattern", "patterns"],
  layout: ["layout", "layout|archive", "in", "out", "from", "bundle"],
  image: ["name", "names"],
  place: ["source", "target"],
  looked: ["image", "images", "other"],
  platform: ["--platform"],
  base: ["--base-image", "--base", "--old-base"],
  compression: ["--compression"],
  format: ["--format"],
  ":files": ["--filename", "file"],
  ":folders": ["dir"],
};

/**
 * What the last word can be: one of these, or of a kind that the program or the shell knows, for an
 * image in a place that was named; `before` stays of it: `--flag=`.
 */
interface Candidates {
  readonly among?: readonly string[] | undefined;
  readonly kind?: string | undefined;
  readonly before?: string;
  readonly place?: string | undefined;
}

const complete = command({
  about: `Prints what the last of words can be, a line each, what it is behind a tabulator; then
    :words when that is all, or :files or :folders when the shell has to offer these.`,
  words: ['[words...]  words of the command line behind "kodeno"; put "--" before them'],
  examples: "kodeno __complete -- build ./cmd/",
  endsAtOnce: true,
  run: async (_, { program }, words) => {
    // Some shells cannot hand on an empty word.
    const typed = words.map((word) => word === '""' ? "" : word);
    const { among, kind = "", before = "", place } = ask(program, typed);
    if (among === undefined && kind.startsWith(":")) return printResult(kind);
    const word = (typed.at(-1) ?? "").slice(before.length);
    const all = among ?? await (await import("../app/complete.ts")).complete(kind, word, place);
    const found = all.filter((one) => one.startsWith(word)).map((one) => before + one);
    // A name that a terminal would obey is no completion.
    const plain = found.filter((line) => line.split("\t").map(printable).join("\t") === line);
    printResult([...plain, ":words"].join("\n"));
  },
});

export default { completion, __complete: complete } satisfies Commands;

function ask(program: Command, words: readonly string[]): Candidates {
  const word = words.at(-1) ?? "";
  let command = program;
  /** Those that stand alone, behind the command. */
  const alone: string[] = [];
  /** A flag that waits for its value. */
  let open: Option | undefined;
  let dashes = false;
  for (const one of words.slice(0, -1)) {
    const below = alone.length === 0 ? command.commands : [];
    const named = below.find((sub) => sub.name() === one || sub.aliases().includes(one));
    if (open !== undefined) open = undefined;
    else if (!dashes && one === "--") dashes = true;
    else if (!dashes && one.startsWith("-")) open = flagWithValue(command, one);
    else if (named !== undefined) command = named;
    else alone.push(one);
  }
  const [before = "", name = ""] = dashes || open ? [] : /^(--[^=]+)=/.exec(word) ?? [];
  const flag = open ?? flagWithValue(command, name);
  if (flag !== undefined) {
    const [, shown = ""] = /[<[]([^>\]]+?)(?:\.\.\.)?[>\]]/.exec(flag.flags) ?? [];
    const kind = kindOf(flag.long) ?? kindOf(shown);
    return { among: flag.argChoices, kind, before, place: alone[0] };
  }
  const help = command.createHelp();
  const described = (names: readonly (string | undefined)[], about: string): readonly string[] =>
    names.flatMap((name) => name === undefined ? [] : [`${name}\t${about.split("\n")[0]}`]);
  if (!dashes && word.startsWith("-")) {
    const below = command === program ? [] : command.commands;
    const flags = [command, ...below].flatMap((one) => help.visibleOptions(one));
    const found = flags.flatMap((one) => described([one.short, one.long], one.description));
    return { among: [...new Set(found)] };
  }
  if (command.commands.length > 0 && alone.length === 0) {
    const found = help.visibleCommands(command);
    const namesOf = (one: Command): readonly string[] => [one.name(), ...one.aliases()];
    return {
      among: found.flatMap((one) => described(namesOf(one), help.subcommandDescription(one))),
    };
  }
  const all = command.registeredArguments;
  const last = all.at(-1);
  const argument = all[alone.length] ?? (last?.variadic ? last : undefined);
  // The source of a copy is a place, that of a tag an image of the layout before it.
  const isImage = argument?.name() === "source" && all[0]?.name().startsWith("layout");
  const kind = isImage ? "image" : kindOf(argument?.name());
  return { among: argument?.argChoices, kind, place: alone[0] };
}

function kindOf(name = ""): string | undefined {
  return Object.keys(KINDS).find((kind) => KINDS[kind]?.includes(name));
}

function flagWithValue({ options, commands }: Command, flag: string): Option | undefined {
  const all = [...options, ...commands.flatMap((one) => one.options)];
  return all.find(({ short, long, required, optional }) =>
    (flag === short || flag === long) && (required || optional)
  );
}
