export type Shell = 'bash' | 'zsh' | 'fish' | 'powershell';

/**
 * What a shell needs to complete `cproxy`. The scripts know nothing of commands and names: they ask `cproxy __complete`, and so
 * fit every version. Each candidate is a line, with a tab before what it is; a line `:files` asks for names of files.
 * @param command how the program is called here, such as `npx cproxy`.
 */
export function completionScript(shell: Shell, command: string): string {
  return scripts[shell](command);
}

/** Bash breaks words at `=` and `:`, which names of models have; so the line is taken, up to the cursor. */
const bash = (
  command: string,
): string => `# Completion of cproxy for bash. To have it in every shell, add this line to ~/.bashrc:
#   source <(${command} completion bash)
_cproxy() {
  local line typed="\${COMP_LINE:0:COMP_POINT}" word before="" files=0
  local -a words
  IFS=$' \\t\\n' read -r -a words <<< "$typed"
  [[ "$typed" == *[[:space:]] ]] && words+=("")
  word="\${words[\${#words[@]}-1]}"
  [[ "$word" == *[:=]* ]] && before="\${word%"\${word##*[:=]}"}"
  COMPREPLY=()
  while IFS= read -r line; do
    line="\${line%%$'\\t'*}"
    if [[ "$line" == ":files" ]]; then files=1; else COMPREPLY+=("\${line#"$before"}"); fi
  done < <("$1" __complete -- "\${words[@]:1}" 2>/dev/null)
  if ((files)); then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "\${word#"$before"}")
  fi
}
complete -F _cproxy cproxy
`;

const zsh = (command: string): string => `#compdef cproxy
# Completion of cproxy for zsh. To have it in every shell, add this line to ~/.zshrc, below compinit:
#   source <(${command} completion zsh)
_cproxy() {
  local line
  local -a candidates
  for line in "\${(@f)$("$words[1]" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case "$line" in
      '') ;;
      :files) _files ;;
      *$'\\t'*) candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
      *) candidates+=("\${line//:/\\\\:}") ;;
    esac
  done
  if (( $#candidates )); then _describe -V cproxy candidates; fi
}
if [ "$funcstack[1]" = "_cproxy" ]; then _cproxy "$@"; else compdef _cproxy cproxy; fi
`;

const fish = (command: string): string => `# Completion of cproxy for fish. To have it in every shell:
#   ${command} completion fish > ~/.config/fish/completions/cproxy.fish
function __cproxy_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c cproxy -f -a '(__cproxy_complete)'
`;

const powershell = (
  command: string,
): string => `# Completion of cproxy for PowerShell. To have it in every shell, add this line to the file that $PROFILE names:
#   ${command} completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName cproxy -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $program = $commandAst.CommandElements[0].ToString()
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    # An empty word would be lost on the way to the program.
    $last = if ($wordToComplete) { $wordToComplete } else { '""' }
    & $program __complete '--' @words $last 2>$null | ForEach-Object {
        if ($_ -eq ':files') {
            Get-ChildItem -Path "$wordToComplete*" -ErrorAction SilentlyContinue | ForEach-Object {
                [System.Management.Automation.CompletionResult]::new($_.FullName, $_.Name, 'ProviderItem', $_.FullName)
            }
        } else {
            $name, $text = $_ -split "\`t", 2
            if (-not $text) { $text = $name }
            [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $text)
        }
    }
}
`;

const scripts: Record<Shell, (command: string) => string> = { bash, zsh, fish, powershell };
