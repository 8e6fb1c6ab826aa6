"""Shell completion in which a name from a gallery is a word, whatever is in it.

A folder can be called `Ann;touch X;echo `, and so can a person. What click offers for bash goes into the
command line as it is; here every name is quoted for the shell that asks, in the manner in which the user has
begun the word.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from click import shell_completion
from click.shell_completion import split_arg_string

from facekit.errors import UsageError

_BASH = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case ${line%%%%,*} in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${line#*,}") ;;
        esac
    done < <(FACEKIT_LINE="${COMP_LINE:0:COMP_POINT}" FACEKIT_BREAKS="$COMP_WORDBREAKS" \
%(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s
%(complete_func)s() {
    local -a names described response
    local kind value about
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
%(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    [[ $PREFIX == --*=* ]] && compset -P 1 '*='
    for kind value about in ${response}; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain) if [[ $about == _ ]]; then names+=("$value"); else described+=("$value":"$about"); fi ;;
        esac
    done
    [ -n "$described" ] && _describe -V unsorted described -U
    [ -n "$names" ] && compadd -V unsorted -a names
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \
COMP_CWORD=(commandline -t) %(prog_name)s 2>/dev/null)
    set -l option (string match -r -- '^--[a-z-]+=' (commandline -t))
    for completion in $response
        set -l metadata (string split -m 1 "," -- $completion)
        switch $metadata[1]
            case dir
                printf "$option%%s\\n" (__fish_complete_directories $metadata[2])
            case file
                printf "$option%%s\\n" (__fish_complete_path $metadata[2])
            case plain
                printf "$option%%s\\n" $metadata[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

# Letters of a word that no shell takes for anything else. A name in another script has none of the others.
_PLAIN = re.compile(r"[\w%+./:,@-]")


@dataclass(frozen=True)
class Word:
    """The word at the end of a command line of bash: what readline will replace, and how it is quoted.

    `typed` is what is meant by it so far; of it `prefix` stays in the line as it is, in front of what is
    replaced; `quote` is the quotation mark that is open, or nothing.
    """

    typed: str
    prefix: str = ""
    quote: str = ""

    @classmethod
    def at_end(cls, line: str, breaks: str) -> tuple[str, Word | None]:
        """The line before the word, and the word; None for a word that is quoted in parts."""
        start = after_break = quoted_from = 0
        quote, escaped, closed = "", False, False
        for place, letter in enumerate(line):
            if escaped:
                escaped = False
            elif letter == "\\" and quote != "'":
                escaped = True
            elif quote:
                if letter == quote:
                    quote, closed = "", True
            elif letter in "'\"":
                quote, quoted_from = letter, place
            elif letter.isspace():
                start = after_break = place + 1
                closed = False
            elif letter in breaks:
                after_break = place + 1
        before = line[:start]
        if quote:
            after_break = quoted_from + 1
            in_parts = closed or quoted_from not in (start, _after_option(line, start))
        else:
            in_parts = closed
        if in_parts or escaped:
            return before, None
        return before, cls(_meant(line[start:]), _meant(line[start:after_break].rstrip(quote or None)), quote)


def _after_option(line: str, start: int) -> int:
    """Where the value of `--option=value` begins."""
    option = re.match(r"--[a-z-]+=", line[start:])
    return start + option.end() if option else start


def _meant(word: str) -> str:
    words = split_arg_string(word)
    return words[0] if words else ""


def quoted(texts: list[str], quote: str) -> list[str]:
    """The texts as bash takes them for words, of which the beginning is typed in the open `quote`.

    What all have in common is put into the line before the user has chosen: it must not end in the middle
    of a sign that stands for another.
    """
    if quote == "'":
        return [text.replace("'", "'\\''") for text in texts]
    if quote == '"':
        # An exclamation mark has no spelling there: bash looks for an earlier command with it.
        return [re.sub(r'([$`"\\])', r"\\\1", text) for text in texts if "!" not in text]
    if len(texts) > 1 and _part_in_a_sign(texts):
        return ["'" + text.replace("'", "'\\''") + "'" for text in texts]
    return ["".join(c if _PLAIN.fullmatch(c) else f"\\{c}" for c in text) for text in texts]


def _part_in_a_sign(texts: list[str]) -> bool:
    """Whether all of them go on with a letter that needs a backslash, and not with the same one."""
    for letters in zip(*texts, strict=False):
        if len(set(letters)) > 1:
            return not any(map(_PLAIN.fullmatch, letters))
    return False


class BashComplete(shell_completion.BashComplete):
    """Names are quoted here, because bash puts what it is given into the line as it is."""

    source_template = _BASH

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        line, breaks = os.environ.get("FACEKIT_LINE", ""), os.environ.get("FACEKIT_BREAKS", "")
        self._before, self._word = Word.at_end(line, breaks)

    def get_completion_args(self) -> tuple[list[str], str]:
        return split_arg_string(self._before)[1:], self._word.typed if self._word else ""

    def complete(self) -> str:
        if self._word is None:
            return ""
        items = self.get_completions(*self.get_completion_args())
        lines = [f"{item.type}," for item in items if item.type != "plain"]
        names = [str(item.value) for item in items if item.type == "plain"]
        return "\n".join([*lines, *(f"plain,{word}" for word in self._replacements(names, self._word))])

    def _replacements(self, names: list[str], word: Word) -> list[str]:
        option = word.typed[: _after_option(word.typed, 0)]
        whole = [name if name.startswith(option) else option + name for name in names]
        return quoted(
            [name[len(word.prefix) :] for name in whole if name.startswith(word.prefix)], word.quote
        )


class FishComplete(shell_completion.FishComplete):
    """fish quotes what it puts into the line; a name with a comma must reach it whole."""

    source_template = _FISH

    def get_completion_args(self) -> tuple[list[str], str]:
        os.environ.setdefault("COMP_CWORD", "")
        if not split_arg_string(os.environ["COMP_CWORD"]):
            os.environ["COMP_CWORD"] = ""
        return super().get_completion_args()


class ZshComplete(shell_completion.ZshComplete):
    """zsh quotes what it puts into the line; of `--option=value` only the value is completed."""

    source_template = _ZSH


class Unsupported(shell_completion.ShellComplete):
    """A shell whose quoting is not known here: it is offered nothing."""

    def source(self) -> str:
        raise UsageError("completion is for bash, zsh and fish")

    def complete(self) -> str:
        return ""


for _shell in (BashComplete, FishComplete, ZshComplete):
    shell_completion.add_completion_class(_shell)

# PowerShell, which click knows from 8.5 on, takes a name for code as bash does, and nobody has tried it here.
_others = set(getattr(shell_completion, "_available_shells", {})) - {"bash", "fish", "zsh"}
for _name in _others:
    shell_completion.add_completion_class(Unsupported, _name)
