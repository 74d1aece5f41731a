//! What `--help` teaches by example.

use crate::exit;

pub(super) fn after_root() -> String {
    format!("{ROOT}\n\n{}", exit::TABLE)
}

const ROOT: &str = "\
Examples:
  stt demo                                        see everything work, in seconds
  stt seed new --out group.seed                   once; carry the file to the other machine
  stt listen --seed-file group.seed               here
  stt connect HOST:PORT --seed-file group.seed    there; now type on either side
  tar c photos | stt connect HOST:PORT --seed-file group.seed
  stt listen --seed-file group.seed </dev/null | tar x

The seed is read from --seed-file FILE, or else from the environment variable STT_SEED. It is a
random seed as `stt seed new` makes it, or a passphrase, passphrase:REALM:WORDS, where REALM is any
public name that both sides use.";

pub(super) const SEED: &str = "\
Examples:
  stt seed new --out group.seed     a new group
  stt seed next group.seed          before a key gets old; then copy the file to all members
  stt seed check group.seed         which group, which epochs; never the keys";

pub(super) const ID: &str = "\
Examples:
  stt id --data-dir ~/.stt
  stt connect HOST:PORT --seed-file group.seed --peer \"$(ssh HOST stt id --data-dir .stt)\"";

pub(super) const LISTEN: &str = "\
Examples:
  stt listen --seed-file group.seed --bind 0.0.0.0:7000
  stt listen --seed-file group.seed </dev/null >received.bin
  stt listen --seed-file group.seed --keep >>log        one peer after the other, until Ctrl-C
  STT_SEED='passphrase:home:correct horse battery' stt listen

Each direction ends on its own: the end of standard input ends one, the peer's end the other. Exit
code 0 says that both have ended and that both sides know it. With --keep, an interruption ends with
0 if no session was open, and with 5 if it broke one off.";

pub(super) const CONNECT: &str = "\
Examples:
  stt connect 192.0.2.7:7000 --seed-file group.seed
  stt connect '[2001:db8::7]:7000' --seed-file group.seed <backup.tar >/dev/null
  stt connect HOST:PORT --seed-file group.seed --peer NODEID --timeout 3
  STT_SEED='passphrase:home:correct horse battery' stt connect HOST:PORT

Each direction ends on its own: the end of standard input ends one, the peer's end the other. Exit
code 0 says that both have ended and that both sides know it; see `stt --help` for the others.";

pub(super) const DEMO: &str = "\
Examples:
  stt demo
  stt demo /boot/vmlinuz
  stt demo --json | jq .ok

Nothing leaves this machine: all nodes are on the loopback address.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  stt completions bash > ~/.local/share/bash-completion/completions/stt
  stt completions zsh > ~/.zfunc/_stt
  stt completions fish > ~/.config/fish/completions/stt.fish";

pub(super) const MAN: &str = "\
Examples:
  stt man | man -l -
  stt man listen > ~/.local/share/man/man1/stt-listen.1";
