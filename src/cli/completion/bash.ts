/**
 * The completion script for bash, 3.2 and newer.
 * @module
 */
import { type Described, kindText, quoted, wordsText } from "./model.ts";

/** What all commands share: which word is completed, and what it can be. */
const COMMON = String.raw`
_kodeno() {
  local words cur prev='' last='' word i kind='' flags='' values='' args='' place='' n=0 dashes=''
  words=()
  # bash takes words apart at ":" and "=".
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((i > 1)) && [[ $word =~ ^[:=]+$ || ( $last =~ ^[:=]+$ && ( -n $word || \${COMP_LINE:0:COMP_POINT} != *' ' ) ) ]]; then
      words[\${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    last=$word
  done
  cur=\${words[\${#words[@]} - 1]}
  COMPREPLY=()
  if ((\${#words[@]} == 2)); then
    _kodeno_choose "$_kodeno_commands --help --version" "$cur"
    return
  fi
  _kodeno_know "\${words[1]}"
  # How many words stand alone before this one, and which flag waits for its value.
  for ((i = 2; i < \${#words[@]} - 1; i++)); do
    word=\${words[i]}
    if [[ -n $prev ]]; then
      prev=''
    elif [[ -z $dashes && $word == -- ]]; then
      dashes=yes
    elif [[ -z $dashes && $word == -* ]]; then
      [[ $word != *=* && $values == *" $word "* ]] && prev=$word
    else
      n=$((n + 1))
      ((n == 1)) && place=$word
    fi
  done
  if [[ -n $prev ]]; then
    kind=\${values#*" $prev "}
    kind=\${kind%% *}
  elif [[ -z $dashes && $cur == --*=* && $values == *" \${cur%%=*} "* ]]; then
    kind=\${values#*" \${cur%%=*} "}
    kind=\${kind%% *}
    cur=\${cur#*=}
  elif [[ -z $dashes && $cur == -* ]]; then
    _kodeno_choose "$flags" "$cur"
    return
  else
    i=0
    for word in $args; do
      kind=''
      if ((i == n)) || [[ $word == *... ]]; then
        kind=\${word%...}
        break
      fi
      i=$((i + 1))
    done
  fi
  case $kind in
  '' | none) ;;
  file | dir)
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(
      if [[ $kind == dir ]]; then compgen -d -- "$cur"; else compgen -f -- "$cur"; fi
    )
    ;;
  =*) _kodeno_choose "\${kind//[=,]/ }" "$cur" ;;
  *)
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(
      "\${COMP_WORDS[0]/#\~/$HOME}" __complete "$kind" "$cur" "$place" 2>/dev/null
    )
    _kodeno_cut "$cur"
    ;;
  esac
  # What can go on goes on without a space.
  if ((\${#COMPREPLY[@]} == 1)) && [[ \${COMPREPLY[0]} == *[/:] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}

_kodeno_choose() {
  local word
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$1" -- "$2")
  _kodeno_cut "$2"
}

# Leaves off what bash takes for words of their own.
_kodeno_cut() {
  local mark i cut=''
  for mark in : =; do
    [[ $COMP_WORDBREAKS == *$mark* && $1 == *$mark* ]] || continue
    word=\${1%"\${1##*$mark}"}
    ((\${#word} > \${#cut})) && cut=$word
  done
  for i in "\${!COMPREPLY[@]}"; do COMPREPLY[i]=\${COMPREPLY[i]#"$cut"}; done
}

complete -F _kodeno kodeno`.replaceAll("\\$", "$");

/** Writes the script. */
export function bashScript(commands: readonly Described[]): string {
  const names = commands.flatMap((one) => one.names).join(" ");
  return [
    '# Completes kodeno in bash; made by "kodeno completion bash".',
    `_kodeno_commands=${quoted(names)}`,
    "",
    "# Sets flags, those with a value and what it is, and what the other words are.",
    "_kodeno_know() {",
    "  case $1 in",
    ...commands.flatMap(caseOf),
    "  esac",
    "}",
    COMMON.trim(),
    "",
  ].join("\n");
}

function caseOf({ names, flags, words }: Described): readonly string[] {
  const all = flags.flatMap(({ short, long }) => [...(short ? [`-${short}`] : []), `--${long}`]);
  const values = flags.flatMap(({ short, long, value }) =>
    value === undefined
      ? []
      : [...(short ? [`-${short}`] : []), `--${long}`].map((name) => `${name} ${kindText(value)}`)
  );
  return [
    `  ${names.join(" | ")})`,
    `    flags=${quoted(all.join(" "))}`,
    `    values=${quoted(` ${values.join("  ")} `)}`,
    `    args=${quoted(wordsText(words).join(" "))}`,
    "    ;;",
  ];
}
