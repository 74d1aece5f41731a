//! One side of a session under random operations: the tasks that send and receive for it, and the
//! model of what was sent and has arrived.

#![allow(
    unreachable_pub,
    clippy::struct_excessive_bools,
    clippy::unwrap_used,
    reason = "a model notes what happened, and a failed step is a failed test"
)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use stt::{Delivery, Node, RecvStream, SendStream, Session, UserFrameType};
use stt_sim::{Sim, Task};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Dialler,
    Acceptor,
}

#[derive(Debug, Clone)]
pub enum Step {
    Open {
        two_way: bool,
    },
    /// To one of the streams that are open, if there are any.
    Write {
        stream: usize,
        len: usize,
    },
    Finish {
        stream: usize,
    },
    Reset {
        stream: usize,
    },
    /// The reader of one of the peer's streams goes away.
    Stop {
        stream: usize,
    },
    /// Readers and receivers take nothing from now on, or go on.
    Stall(bool),
    Message {
        id: u64,
        len: usize,
    },
    Frame {
        len: usize,
    },
    Datagram,
    UpdateKeys,
}

/// What one side has sent, and what of that has arrived.
#[derive(Debug, Default)]
pub struct Sent {
    pub streams: BTreeMap<u64, Stream>,
    pub messages: BTreeMap<u64, Queue>,
    pub frames: Queue,
}

impl Sent {
    fn message(&mut self, id: u64, data: &[u8]) {
        self.messages.entry(id).or_default().arrives(data);
    }
}

#[derive(Debug, Default)]
pub struct Stream {
    written: u64,
    read: u64,
    finished: bool,
    pub reset: bool,
    pub stopped: bool,
    pub ended: bool,
}

/// Lengths, in order; what is sent says its number.
#[derive(Debug, Default)]
pub struct Queue {
    pub sent: Vec<usize>,
    pub arrived: usize,
}

impl Queue {
    fn arrives(&mut self, data: &[u8]) {
        let expected = self.sent.get(self.arrived).copied();
        let expected = expected.map(|len| numbered(self.arrived, len));
        assert_eq!(expected.as_deref(), Some(data), "number {}", self.arrived);
        self.arrived += 1;
    }
}

fn numbered(number: usize, len: usize) -> Vec<u8> {
    (number as u32)
        .to_be_bytes()
        .into_iter()
        .cycle()
        .take(len)
        .collect()
}

/// The byte at an offset of every stream.
fn byte(offset: u64) -> u8 {
    (offset * 31 % 251) as u8
}

/// One side: its session, what it sends, and the tasks that send and receive for it.
pub struct Party {
    sim: Sim,
    node: Node,
    pub session: Session,
    sent: Arc<Mutex<Sent>>,
    from_peer: Arc<Mutex<Sent>>,
    /// Those it writes to: commands go to a task of each.
    writers: Vec<Writer>,
    readers: Arc<Mutex<Vec<Arc<Reader>>>>,
    pub is_stalled: Arc<Mutex<bool>>,
    lines: Vec<Line>,
    pub tasks: Vec<Task<()>>,
}

type Line = tokio::sync::mpsc::UnboundedSender<(usize, Vec<u8>)>;
type Writer = tokio::sync::mpsc::UnboundedSender<WriterStep>;

enum WriterStep {
    Write(usize),
    Finish,
    Reset,
}

#[derive(Default)]
struct Reader {
    stop: tokio::sync::Notify,
}

pub const LINES: usize = 5;

impl Party {
    pub fn new(
        sim: &Sim,
        node: &Node,
        session: &Session,
        sent: &Arc<Mutex<Sent>>,
        from_peer: &Arc<Mutex<Sent>>,
    ) -> Self {
        let mut party = Self {
            sim: sim.clone(),
            node: node.clone(),
            session: session.clone(),
            sent: Arc::clone(sent),
            from_peer: Arc::clone(from_peer),
            writers: Vec::new(),
            readers: Arc::default(),
            is_stalled: Arc::default(),
            lines: Vec::new(),
            tasks: Vec::new(),
        };
        for line in 0..=LINES {
            party.start_line(line);
        }
        party.receive_messages();
        party.receive_frames();
        party.accept_streams();
        party
    }

    /// Sends messages of one id, or frames, one after the other.
    fn start_line(&mut self, line: usize) {
        let (sender, mut steps) = tokio::sync::mpsc::unbounded_channel::<(usize, Vec<u8>)>();
        let (session, sent) = (self.session.clone(), Arc::clone(&self.sent));
        self.lines.push(sender);
        self.tasks.push(self.sim.spawn(async move {
            while let Some((len, data)) = steps.recv().await {
                // Put down before it is sent: it may arrive before we are told that it went.
                let is_frame = line == LINES;
                {
                    let mut sent = sent.lock();
                    let queue = if is_frame {
                        &mut sent.frames
                    } else {
                        sent.messages.entry(line as u64).or_default()
                    };
                    queue.sent.push(len);
                }
                let went = if is_frame {
                    session.send_frame(frame_type(), data).await
                } else {
                    session.send_on_stream(line as u64, data).await
                };
                if went.is_err() {
                    let mut sent = sent.lock();
                    let queue = if is_frame {
                        &mut sent.frames
                    } else {
                        sent.messages.entry(line as u64).or_default()
                    };
                    // A part of it may have gone when the session ended; a whole one did not.
                    queue.sent.pop();
                    return;
                }
            }
        }));
    }

    fn queue(&self, line: usize, len: usize, numbers: &mut BTreeMap<usize, usize>) {
        let number = numbers.entry(line).or_default();
        let data = numbered(*number, len);
        *number += 1;
        let _ = self.lines[line].send((len, data));
    }

    fn receive_messages(&mut self) {
        let (sim, node) = (self.sim.clone(), self.node.clone());
        let (stalled, from_peer) = (Arc::clone(&self.is_stalled), Arc::clone(&self.from_peer));
        let id = self.session.id();
        self.tasks.push(self.sim.spawn(async move {
            let mut receiver = node.receive();
            while let Some(packet) = receiver.next().await {
                assert_eq!(packet.session_id, id);
                from_peer.lock().message(packet.stream_id, &packet.data);
                wait_while(&sim, &stalled).await;
            }
        }));
    }

    fn receive_frames(&mut self) {
        let (sim, session) = (self.sim.clone(), self.session.clone());
        let (stalled, from_peer) = (Arc::clone(&self.is_stalled), Arc::clone(&self.from_peer));
        self.tasks.push(self.sim.spawn(async move {
            while let Ok(frame) = session.receive_frame().await {
                if frame.delivery == Delivery::Reliable {
                    from_peer.lock().frames.arrives(&frame.payload);
                } else {
                    assert_eq!(frame.payload, "datagram");
                }
                wait_while(&sim, &stalled).await;
            }
        }));
    }

    fn accept_streams(&mut self) {
        for two_way in [false, true] {
            let (sim, session) = (self.sim.clone(), self.session.clone());
            let (stalled, from_peer) = (Arc::clone(&self.is_stalled), Arc::clone(&self.from_peer));
            let readers = Arc::clone(&self.readers);
            self.tasks.push(self.sim.spawn(async move {
                loop {
                    let accepted = if two_way {
                        session.accept_stream().await.map(|(mut send, recv)| {
                            send.finish().unwrap();
                            recv
                        })
                    } else {
                        session.accept_uni().await
                    };
                    let Ok(recv) = accepted else { return };
                    let reader = Arc::new(Reader::default());
                    readers.lock().push(Arc::clone(&reader));
                    let reading = read(
                        sim.clone(),
                        recv,
                        reader,
                        Arc::clone(&from_peer),
                        Arc::clone(&stalled),
                    );
                    drop(sim.spawn(reading));
                }
            }));
        }
    }

    async fn open(&mut self, two_way: bool) {
        let opening = async {
            if two_way {
                self.session.open_stream().await.map(|(send, _)| send)
            } else {
                self.session.open_uni().await
            }
        };
        // A cut may come between, and the window of the session may be full.
        let Ok(Ok(send)) = self.sim.timeout(Duration::from_secs(1), opening).await else {
            return;
        };
        let id = send.id().0;
        self.sent.lock().streams.insert(id, Stream::default());
        let (sender, steps) = tokio::sync::mpsc::unbounded_channel();
        self.writers.push(sender);
        let writing = write(send, steps, Arc::clone(&self.sent));
        self.tasks.push(self.sim.spawn(writing));
    }

    pub async fn step(&mut self, step: Step, numbers: &mut BTreeMap<usize, usize>) {
        let to = |writers: &Vec<Writer>, stream: usize, step| {
            if let Some(writer) = writers.iter().rev().nth(stream) {
                let _ = writer.send(step);
            }
        };
        match step {
            Step::Open { two_way } => self.open(two_way).await,
            Step::Write { stream, len } => to(&self.writers, stream, WriterStep::Write(len)),
            Step::Finish { stream } => to(&self.writers, stream, WriterStep::Finish),
            Step::Reset { stream } => to(&self.writers, stream, WriterStep::Reset),
            Step::Stop { stream } => {
                if let Some(reader) = self.readers.lock().iter().rev().nth(stream) {
                    reader.stop.notify_one();
                }
            }
            Step::Stall(is_stalled) => *self.is_stalled.lock() = is_stalled,
            Step::Message { id, len } => self.queue(id as usize, len, numbers),
            Step::Frame { len } => self.queue(LINES, len, numbers),
            Step::Datagram => {
                let _ = self.session.send_datagram(frame_type(), "datagram");
            }
            Step::UpdateKeys => {
                let _ = self.session.update_keys();
            }
        }
    }

    /// No more is sent: all streams are finished once what was asked for is written.
    pub fn finish_all(&mut self) {
        self.lines.clear();
        for writer in self.writers.drain(..) {
            let _ = writer.send(WriterStep::Finish);
        }
    }
}

async fn write(
    mut send: SendStream,
    mut steps: tokio::sync::mpsc::UnboundedReceiver<WriterStep>,
    sent: Arc<Mutex<Sent>>,
) {
    let id = send.id().0;
    let change = |change: &dyn Fn(&mut Stream)| change(sent.lock().streams.get_mut(&id).unwrap());
    let mut offset = 0;
    while let Some(step) = steps.recv().await {
        match step {
            WriterStep::Write(len) => {
                let data: Vec<u8> = (offset..offset + len as u64).map(byte).collect();
                offset += len as u64;
                change(&|stream| stream.written = offset);
                if send.write_all(&data).await.is_err() {
                    return;
                }
            }
            WriterStep::Finish => {
                change(&|stream| stream.finished = true);
                let _ = send.finish();
                return;
            }
            WriterStep::Reset => {
                change(&|stream| stream.reset = true);
                return send.reset(1);
            }
        }
    }
}

async fn read(
    sim: Sim,
    mut recv: RecvStream,
    reader: Arc<Reader>,
    from_peer: Arc<Mutex<Sent>>,
    stalled: Arc<Mutex<bool>>,
) {
    let id = recv.id().0;
    let change = |change: &dyn Fn(&mut Stream)| {
        change(from_peer.lock().streams.entry(id).or_default());
    };
    let mut offset = 0_u64;
    loop {
        let piece = tokio::select! {
            biased;
            () = reader.stop.notified() => {
                change(&|stream| stream.stopped = true);
                return recv.stop(2);
            }
            piece = recv.read_bytes(10_000) => piece,
        };
        match piece {
            Ok(Some(bytes)) => {
                for byte_read in bytes {
                    assert_eq!(byte_read, byte(offset), "stream {id} at {offset}");
                    offset += 1;
                }
                change(&|stream| stream.read = offset);
                change(&|stream| assert!(stream.read <= stream.written, "stream {id}"));
            }
            Ok(None) => {
                return change(&|stream| {
                    stream.ended = true;
                    assert!(stream.finished, "stream {id} ended unfinished");
                    assert_eq!(stream.read, stream.written, "stream {id}");
                });
            }
            Err(_) => return,
        }
        wait_while(&sim, &stalled).await;
    }
}

async fn wait_while(sim: &Sim, stalled: &Arc<Mutex<bool>>) {
    while *stalled.lock() {
        sim.sleep(Duration::from_millis(50)).await;
    }
}

fn frame_type() -> UserFrameType {
    UserFrameType::try_from(0xff).unwrap()
}
