/**
 * The completion script for zsh.
 * @module
 */
import { type Described, kindText, quoted, wordsText } from "./model.ts";

const COMMON = String.raw`
_kodeno() {
  local kind='' place='' word prev='' cur dashes='' i n=0
  local -a flags args found
  local -A values
  cur=$words[CURRENT]
  if (( CURRENT == 2 )); then
    _describe command _kodeno_commands
    return
  fi
  _kodeno_know $words[2]
  for (( i = 3; i < CURRENT; i++ )); do
    word=$words[i]
    if [[ -n $prev ]]; then
      prev=''
    elif [[ -z $dashes && $word == -- ]]; then
      dashes=yes
    elif [[ -z $dashes && $word == -* ]]; then
      [[ $word != *=* && -n $values[$word] ]] && prev=$word
    else
      (( n++ ))
      (( n == 1 )) && place=$word
    fi
  done
  if [[ -n $prev ]]; then
    kind=$values[$prev]
  elif [[ -z $dashes && $cur == --*=* ]]; then
    kind=$values[\${cur%%=*}]
    cur=\${cur#*=}
    compset -P 1 '*='
  elif [[ -z $dashes && $cur == -* ]]; then
    _describe -o flag flags
    return
  else
    kind=$args[n+1]
    # The last one may stand for all that follow.
    (( n >= $#args )) && [[ $args[-1] == *... ]] && kind=$args[-1]
    kind=\${kind%...}
  fi
  case $kind in
  ('' | none) return 1 ;;
  (file) _files ;;
  (dir) _files -/ ;;
  ('='*) compadd -- \${(s:,:)kind#=} ;;
  (*)
    found=("\${(@f)$("\${(Q)words[1]/#\~/$HOME}" __complete $kind "\${(Q)cur}" "\${(Q)place}" 2>/dev/null)}")
    for word in $found; do
      # What can go on goes on without a space.
      if [[ $word == *[/:] ]]; then compadd -S '' -- $word; else compadd -- $word; fi
    done
    ;;
  esac
}

if [[ $funcstack[1] == _kodeno ]]; then
  _kodeno "$@"
else
  compdef _kodeno kodeno
fi`.replaceAll("\\$", "$");

/** Writes the script. */
export function zshScript(commands: readonly Described[]): string {
  const described = (name: string, about: string): string =>
    quoted(`${name.replaceAll(":", "\\:")}:${about.replaceAll(":", "\\:")}`);
  return [
    "#compdef kodeno",
    '# Completes kodeno in zsh; made by "kodeno completion zsh".',
    "typeset -ga _kodeno_commands=(",
    ...commands.flatMap(({ names, about }) => names.map((name) => `  ${described(name, about)}`)),
    ")",
    "",
    "_kodeno_know() {",
    "  case $1 in",
    ...commands.flatMap(({ names, flags, words }) => [
      `  (${names.join("|")})`,
      "    flags=(",
      ...flags.flatMap(({ short, long, about }) =>
        [...(short ? [`-${short}`] : []), `--${long}`].map((name) =>
          `      ${described(name, about)}`
        )
      ),
      "    )",
      "    values=(",
      ...flags.flatMap(({ short, long, value }) =>
        value === undefined
          ? []
          : [...(short ? [`-${short}`] : []), `--${long}`].map((name) =>
            `      ${name} ${quoted(kindText(value))}`
          )
      ),
      "    )",
      `    args=(${wordsText(words).map(quoted).join(" ")})`,
      "    ;;",
    ]),
    "  esac",
    "}",
    "",
    COMMON.trim(),
    "",
  ].join("\n");
}
