//! A function for the person's shell that switches the shell itself to a profile: no program can change the variables of the shell that
//! started it.
//!
//! Invariant: what the function evaluates is what `keyrotate env` printed, and only where that succeeded.

use super::args::InitShell;
use super::page::Page;

/// Prints the function `kr`, with the completion of profiles for it.
pub fn print(shell: InitShell) {
    let text = match shell {
        InitShell::Bash => format!("{}{BASH_COMPLETION}", posix("bash")),
        InitShell::Zsh => format!("{}{ZSH_COMPLETION}", posix("zsh")),
        InitShell::Fish => FISH.to_owned(),
        InitShell::Powershell => POWERSHELL.to_owned(),
    };
    Page::for_stdout(0).push(&text).print();
}

/// In two steps: the exit code of a command inside `eval` would be lost.
fn posix(format: &str) -> String {
    format!(
        r#"kr() {{
    local text word
    for word in "$@"; do
        case "$word" in
            -h | --help) command keyrotate env --help; return ;;
        esac
    done
    text="$(command keyrotate env --format {format} "$@")" || return
    eval "$text"
}}
"#
    )
}

// The candidates as keyrotate gives them to fish: one a line, with a help text behind a tab.
const BASH_COMPLETION: &str = r#"_kr() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("${line%%$'\t'*}")
    done < <(COMPLETE=fish command keyrotate -- keyrotate env "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _kr kr
"#;

// Without compinit there is nothing to register at.
const ZSH_COMPLETION: &str = r#"_kr() {
    local -a found
    found=(${(f)"$(COMPLETE=fish command keyrotate -- keyrotate env "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    compadd -- ${found%%$'\t'*}
}
(( ${+functions[compdef]} )) && compdef _kr kr
true
"#;

const FISH: &str = r#"function kr --description 'Switch this shell to the session of an AWS profile'
    if contains -- --help $argv; or contains -- -h $argv
        command keyrotate env --help
        return
    end
    set -l text (command keyrotate env --format fish $argv)
    or return
    string join \n -- $text | source
end
complete -c kr -f -a '(COMPLETE=fish command keyrotate -- keyrotate env (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
"#;

const POWERSHELL: &str = r#"function kr {
    if ($args -contains '--help' -or $args -contains '-h') { & keyrotate env --help; return }
    $text = & keyrotate env --format powershell @args
    if ($LASTEXITCODE -eq 0) { $text | Out-String | Invoke-Expression }
}
Register-ArgumentCompleter -Native -CommandName kr -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
    if ($wordToComplete -eq '') { $words += '' }
    $before = $Env:COMPLETE
    $Env:COMPLETE = 'fish'
    try { $found = & keyrotate -- keyrotate env @words } finally { $Env:COMPLETE = $before }
    $found | ForEach-Object { ($_ -split "`t")[0] }
}
"#;
