/**
 * `kodeno completion`: a thin script for a shell, which hands the words of the line to
 * `kodeno __complete` and shows what that answers.
 * @module
 */
import { Argument, Command } from "commander";
import { printText } from "./output.ts";

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
    if ($wordToComplete -eq '') { $rest += '""' }
    $lines = @(& $words[0] __complete '--' @rest 2>$null)
    # Without an answer PowerShell completes files itself.
    if ($lines.Count -eq 0 -or $lines[-1] -in ':files', ':folders') { return }
    if ($lines.Count -eq 1) { return '' }
    $lines[0..($lines.Count - 2)] | ForEach-Object {
        $word, $about = $_ -split "\`t", 2
        $tip = if ($about) { $about } else { $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $tip)
    }
}
`,
};

const EXAMPLES = `
Examples:
  # bash: in ~/.bashrc
  source <(kodeno completion bash)

  # zsh: in ~/.zshrc, behind compinit
  source <(kodeno completion zsh)

  # fish
  kodeno completion fish > ~/.config/fish/completions/kodeno.fish

  # PowerShell: in the profile
  kodeno completion powershell | Out-String | Invoke-Expression`;

/** The command. */
export function completionCommand(): Command {
  return new Command("completion")
    .description(
      "Prints a script for a shell that completes commands, flags, import paths, folders with main\n" +
        "packages, and the images of layouts.",
    )
    .addArgument(new Argument("<shell>", "which shell").choices(Object.keys(SCRIPTS)))
    .addHelpText("after", EXAMPLES)
    .action((shell: string) => printText(SCRIPTS[shell] ?? ""));
}
