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
  stt forward localhost:2222 HOST:PORT --seed-file group.seed     a port here is a port there
  stt store put photo.jpg --data-dir ~/.stt       keep it encrypted here; prints its address
  stt doctor --seed-file group.seed --via HOST:PORT     what this network lets through

The seed is read from --seed-file FILE, or else from the environment variable STT_SEED. It is a
random seed as `stt seed new` makes it, or a passphrase, passphrase:REALM:WORDS, where REALM is any
public name that both sides use.";

pub(super) const SEED: &str = "\
Examples:
  stt seed new --out group.seed     a new group
  stt seed next group.seed          before a key gets old; then copy the file to all members
  stt seed check group.seed         which group, which epochs; never the keys";

pub(super) const OFFER: &str = "\
Examples:
  stt put film.mp4 --seed-file group.seed --bind 0.0.0.0:7000        then, anywhere in the group:
  stt get ADDRESS --seed-file group.seed --from HOST:7000 -o film.mp4
  stt put film.mp4 --seed-file group.seed --ref                      with a reference, liars cost less
  stt put film.mp4 --seed-file group.seed --bootstrap HOST:PORT      announced in the DHT

Whoever holds the seed and knows the address can get it. With --data-dir the object stays in the store
there; without, it goes with this process. Where `stt node` runs with that data dir, it takes the object
and goes on serving it, also after a restart, and this command is done.

  stt put film.mp4 --data-dir ~/.stt                                 by the node that runs there
  stt put film.mp4 --data-dir ~/.stt --replicas 3                    and three others keep sealed copies
  stt put film.mp4 --seed-file group.seed --bootstrap HOST:PORT --replicas 3

With --replicas it prints ADDRESS:ROOT:LENGTH:KEY, which opens the copies: keep it, nobody else has it.";

pub(super) const REPLICATE: &str = "\
Examples:
  stt replicate ADDRESS --data-dir ~/.stt -n 3         by the node that runs there, which renews them
  stt replicate ADDRESS --data-dir ~/.stt --release    let go of them

It seals the object, has members that offer room (stt node --offer) keep copies, and prints
ADDRESS:ROOT:LENGTH:KEY: whoever has it gets and opens the object with `stt get`. Nobody else can. With
--plain the copies are as they are, and members that know the address can read them.";

pub(super) const OBTAIN: &str = "\
Examples:
  stt get ADDRESS --seed-file group.seed --from HOST:PORT -o film.mp4
  stt get ADDRESS:ROOT:LENGTH --seed-file group.seed --from A:7000 --from B:7000 -o film.mp4
  stt get ADDRESS --seed-file group.seed --bootstrap HOST:PORT >film.mp4
  stt get ADDRESS --data-dir ~/.stt >film.mp4                          by the node that runs there

Broken off, it is taken up by the same command: blocks that came are kept in the store of --data-dir, or
beside the file, in FILE.stt-part, until it is whole. Nothing is written before all of it was verified.";

pub(super) const ID: &str = "\
Examples:
  stt id --data-dir ~/.stt
  stt connect HOST:PORT --seed-file group.seed --peer \"$(ssh HOST stt id --data-dir .stt)\"";

pub(super) const LISTEN: &str = "\
Examples:
  stt listen --seed-file group.seed --bind 0.0.0.0:7000
  stt listen --seed-file group.seed --bind localhost:7000 --bind '[fe80::1%eth0]:7000'
  stt listen --seed-file group.seed </dev/null >received.bin
  stt listen --seed-file group.seed --keep >>log        one peer after the other, until Ctrl-C
  stt listen --seed-file group.seed --relay relay.example:7000      where nobody can come in
  STT_SEED='passphrase:home:correct horse battery' stt listen

Each direction ends on its own: the end of standard input ends one, the peer's end the other. Exit
code 0 says that both have ended and that both sides know it. With --keep, an interruption ends with
0 if no session was open, and with 5 if it broke one off.";

pub(super) const CONNECT: &str = "\
Examples:
  stt connect 192.0.2.7:7000 --seed-file group.seed
  stt connect '[2001:db8::7]:7000' --seed-file group.seed <backup.tar >/dev/null
  stt connect HOST:PORT --seed-file group.seed --peer NODEID --timeout 3
  stt connect 192.0.2.7:7000 wss://node.example --seed-file group.seed    by the first that leads there
  stt connect --seed-file group.seed              whoever listens on the local network
  stt connect NODEID --relay relay.example:7000 --seed-file group.seed
  STT_SEED='passphrase:home:correct horse battery' stt connect HOST:PORT

Each direction ends on its own: the end of standard input ends one, the peer's end the other. Exit
code 0 says that both have ended and that both sides know it; see `stt --help` for the others.";

pub(super) const FORWARD_USAGE: &str = "\
stt forward [OPTIONS] <LOCAL> <REMOTE>
       stt forward [OPTIONS] --serve <[NAME=]TARGET>...";

pub(super) const FORWARD: &str = "\
Examples:
  stt forward --serve 127.0.0.1:22 --bind 0.0.0.0:7000 --seed-file group.seed     here
  stt forward 127.0.0.1:2222 HOST:7000 --seed-file group.seed                     there; then
  ssh -p 2222 localhost

  stt forward --serve web=127.0.0.1:80 --serve db=unix:/run/postgresql/.s.PGSQL.5432
  stt forward localhost:8080 HOST:7000 --service web
  stt forward unix:/tmp/db.sock HOST:7000 --service db --peer NODEID

  stt forward --serve 127.0.0.1:22 --bind ws://0.0.0.0:80             where only TCP comes in
  stt forward localhost:2222 ws://HOST
  stt forward --serve 127.0.0.1:22 --relay relay.example:7000         where nobody can come in
  stt forward localhost:2222 NODEID --relay relay.example:7000

Each connection to LOCAL is one to the peer's TARGET. Either direction ends on its own, a reset
stays a reset, and a connection whose reader stands still stops no other. Members reach the targets
that --serve lists, by name, and nothing else; who is no member gets no answer.

If the peer cannot be reached at first, the command ends, with the exit code that says why. Later it
reaches the peer again by itself, as often as need be: connections that were open are reset, new ones
wait up to --hold. Interrupted, it takes no more connections and lets those that are open end
within --drain: exit code 0 if they did, 5 if some were cut off.

With --json there are the events listening, forwarding, session, connection, connection_closed.";

pub(super) const NODE: &str = "\
Examples:
  stt node --seed-file group.seed --data-dir /var/lib/stt --bind 0.0.0.0:7000
  stt node --seed-file group.seed --data-dir ~/.stt --bootstrap HOST:7000       others join by any member
  stt node --seed-file group.seed --forward ssh=127.0.0.1:22 --forward web=127.0.0.1:80 -v
  stt forward 127.0.0.1:2222 HOST:7000 --service ssh --seed-file group.seed     elsewhere
  stt node --seed-file group.seed --bind 0.0.0.0:7000 --bind ws://0.0.0.0:80 --relay
  stt node --seed-file group.seed --bind ws://127.0.0.1:8080 --announce wss://HOST/stt

It prints `listening on ADDRESS as NODEID` on standard output for each address, tells a service manager
that it is ready (sd_notify), and runs until SIGTERM or SIGINT. Then it begins nothing new, lets what
is open end within --drain, and ends with exit code 0; a second signal cuts off at once.

A node helps its group to find members and content: `stt peers` and `stt find` ask it. With --data-dir
it remembers whom it knew. It serves the targets of --forward and, with --relay, carries the sealed
packets of members that don't reach each other; it can read nothing of them. All else that members
open is turned away.";

pub(super) const PEERS: &str = "\
Examples:
  stt peers --data-dir ~/.stt                   what the node that runs there knows
  stt peers --bootstrap HOST:7000 --seed-file group.seed
  stt peers --data-dir ~/.stt --json | jq -r .node

Each line is a node id and the addresses it was found at.";

pub(super) const FIND: &str = "\
Examples:
  stt find NODEID --data-dir ~/.stt             where a member is
  stt find ADDRESS --data-dir ~/.stt            who has what `stt store put` printed
  stt find NODEID --bootstrap HOST:7000 --seed-file group.seed

Each line is a node id and the addresses it says it is at. Within half a minute there is an answer, or
an exit code: 10 if nobody has it, 4 if nobody was there to ask.";

pub(super) const DOCTOR: &str = "\
Examples:
  stt doctor                                    what can be told without asking members
  stt doctor --seed-file group.seed --via A:7000 --via wss://b.example
  stt doctor --seed-file group.seed --data-dir ~/.stt       with what a node that runs there knows
  stt doctor NODEID --relay relay.example:7000 --via A:7000 --seed-file group.seed
  stt doctor wss://c.example --seed-file group.seed --json | jq .peer.prediction

It begins a node of its own, which takes no sessions, and asks around: members named by --via, those
found on the local network, those that the node of --data-dir knows, relays, and the router. What was
not seen is not guessed; the report says what to give for it.

With a peer it also says, by what both sides know of their networks, whether a direct path will work,
and then what really came of it. A peer that is met, directly or not, is exit code 0.";

pub(super) const STORE: &str = "\
Examples:
  export STT_DATA_DIR=~/.stt                    the store is ~/.stt/store, the node's seed its key
  address=$(stt store put photo.jpg)
  stt store get $address -o again.jpg
  tar c photos | stt store put
  stt store ls
  stt store put notes --store /mnt/disk --seed-file group.seed

The same bytes have the same address, and are stored once. `put` makes the store if there is none,
and no other command does. One process at a time has a store; another one ends with exit code 12.
The seed comes from --seed-file or the data dir, never from STT_SEED.";

pub(super) const PUT: &str = "\
Examples:
  stt store put photo.jpg
  tar c photos | stt store put
  stt store put --ref photo.jpg                 prints ADDRESS:ROOT:LENGTH
  stt store put --quota 10G photo.jpg

What is printed is durable: it survives a crash and a loss of power. Interrupted before that, nothing
was stored, and the store is whole. With --json, an object with address, root and length.";

pub(super) const GET: &str = "\
Examples:
  stt store get ADDRESS > photo.jpg
  stt store get ADDRESS -o photo.jpg            appears when it is whole, and not before
  stt store get ADDRESS:ROOT:LENGTH | tar x
  stt store get ADDRESS --range 1000..2000      1000 bytes; also 1000.. and ..2000

Each byte is checked before it is written. If a part is damaged, what came before it has gone to
standard output, and the exit code is 11; a FILE of -o stays as it was, unless it is a device or a pipe.";

pub(super) const VERIFY: &str = "\
Examples:
  stt store verify && echo well
  stt store verify --json | jq .damage

Each damaged place is a line on standard output, and the exit code is 11. Storing a damaged object
again heals it. Keys and index are kept twice, or made of the rest: opening the store heals them.";

pub(super) const ROTATE_KEY: &str = "\
Examples:
  stt store rotate-key                          the seed that opened the store opens it afterwards
  stt store rotate-key --with group.seed        and this one too
  stt store rotate-key --drop-others            and nobody else

Only seeds that are at hand can open the store afterwards. Without --drop-others, nothing is done if
another one would be let go. It rewrites the whole store; if it is interrupted, nothing is lost: run it again.";

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
  stt man listen > ~/.local/share/man/man1/stt-listen.1
  stt man store put | man -l -";
