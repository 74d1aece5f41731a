//! Messages of the handshake: bytes are at most one message, and no other length of them is.
//!
//! Input: the message.

use stc::fuzzing::{auth_proof, final_message, hello, response, response_proof};
use stc::handshake::HandshakeError;

/// Decodes the bytes as each of the five messages.
pub fn body(data: &[u8]) {
    let readings = readings(data);
    assert!(readings <= 1, "one message has {readings} readings");
    if readings == 1 {
        assert_eq!(
            self::readings(&data[..data.len() - 1]),
            0,
            "a cut message was taken"
        );
        assert_eq!(
            self::readings(&[data, &[0]].concat()),
            0,
            "a longer message was taken"
        );
    }
}

/// How many of the messages the bytes are.
fn readings(message: &[u8]) -> usize {
    type Decode = fn(&[u8]) -> Result<(), HandshakeError>;
    let doors: [Decode; 5] = [hello, response, response_proof, auth_proof, final_message];
    doors
        .iter()
        .filter(|decode| decode(message).is_ok())
        .count()
}
