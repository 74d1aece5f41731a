//! The keyring of a real group: places, keys, signatures and seals, against known answers and
//! against those who hold less than is needed.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use data_encoding::HEXLOWER;
use serde::Deserialize;
use stc::{Entropy, Group, NodeSeed};
use stt_dht::{GroupKeyring, Keyring, Sealer};
use stt_wire::{Record, RecordKind, VarInt, Whereabouts};

/// Counts up from a byte: the salts of the known answers.
struct Counter(u8);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    group: Vec<String>,
    node_seed: String,
    node: String,
    place: String,
    address: String,
    /// Newest epoch first.
    keys: Vec<String>,
    addresses: Vec<String>,
    whereabouts: String,
    salt_from: u8,
    sealed_provider: String,
    sealed_peer: String,
    record: SignedRecord,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedRecord {
    issued: u64,
    lifetime: u64,
    signed_part: String,
    signature: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../spec/vectors/dht/keyring.json")).unwrap()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn array(text: &str) -> [u8; 32] {
    HEXLOWER
        .decode(text.as_bytes())
        .unwrap()
        .try_into()
        .unwrap()
}

fn sealers(group: &Group) -> Vec<Sealer> {
    let contexts = group.contexts("dht").unwrap();
    contexts.into_iter().map(Sealer::new).collect()
}

fn record(kind: RecordKind, key: [u8; 32], node: [u8; 32], sealed: Vec<u8>) -> Record {
    Record {
        kind,
        key,
        node,
        issued: VarInt::saturating(1_800_000_000),
        lifetime: VarInt::saturating(3_600),
        sealed: sealed.into(),
        signature: [0; 64],
    }
}

#[test]
fn places_keys_seals_and_signatures_are_those_of_the_known_answers() {
    let known = vectors();
    let group = Group::parse(&known.group.join("\n")).unwrap();
    let identity = NodeSeed::from_bytes(array(&known.node_seed)).identity();
    let id = identity.node_id();
    assert_eq!(hex(id.as_bytes()), known.node);
    let keyring = GroupKeyring::new(identity, &group).unwrap();
    assert_eq!(hex(keyring.place(id.as_bytes()).as_bytes()), known.place);

    let address = array(&known.address);
    let sealers = sealers(&group);
    let keys = sealers.iter().map(|sealer| sealer.key_of_content(&address));
    let keys: Vec<_> = keys.collect();
    let told: Vec<_> = keys.iter().map(|key| hex(key.as_bytes())).collect();
    assert_eq!(told, known.keys);

    let addresses = known.addresses.iter().map(|at| at.parse().unwrap());
    let says = Whereabouts::new(addresses).encode();
    assert_eq!(hex(&says), known.whereabouts);
    let mut salt = Counter(known.salt_from);
    let provider = sealers[0].seal_provider(&address, &id, &says, &mut salt);
    assert_eq!(hex(&provider), known.sealed_provider);
    let peer = sealers[0].seal_peer(&id, &says, &mut Counter(known.salt_from));
    assert_eq!(hex(&peer), known.sealed_peer);

    let mut signed = record(
        RecordKind::PROVIDER,
        *keys[0].as_bytes(),
        *id.as_bytes(),
        provider,
    );
    signed.issued = VarInt::saturating(known.record.issued);
    signed.lifetime = VarInt::saturating(known.record.lifetime);
    assert_eq!(hex(signed.signed_part()), known.record.signed_part);
    keyring.sign(&mut signed);
    assert_eq!(hex(signed.signature), known.record.signature);
    assert!(keyring.is_genuine(&signed));
}

#[test]
fn a_record_that_was_changed_anywhere_is_not_genuine() {
    let known = vectors();
    let group = Group::parse(&known.group.join("\n")).unwrap();
    let identity = NodeSeed::from_bytes([1; 32]).identity();
    let node = *identity.node_id().as_bytes();
    let keyring = GroupKeyring::new(identity, &group).unwrap();
    let mut genuine = record(RecordKind::PROVIDER, [7; 32], node, vec![1, 2, 3]);
    keyring.sign(&mut genuine);
    let other = *NodeSeed::from_bytes([2; 32])
        .identity()
        .node_id()
        .as_bytes();
    let change: [fn(&mut Record, [u8; 32]); 7] = [
        |record, _| record.kind = RecordKind::PEER,
        |record, _| record.key[31] ^= 1,
        |record, other| record.node = other,
        |record, _| record.issued = VarInt::saturating(1_800_000_001),
        |record, _| record.lifetime = VarInt::ZERO,
        |record, _| record.sealed = vec![1, 2, 4].into(),
        |record, _| record.signature[0] ^= 1,
    ];
    for change in change {
        let mut changed = genuine.clone();
        change(&mut changed, other);
        assert!(!keyring.is_genuine(&changed), "{changed:?}");
    }
    assert!(keyring.is_genuine(&genuine));
}

#[test]
fn sealed_records_open_for_those_who_know_the_address_and_nobody_else() {
    let known = vectors();
    let group = Group::parse(&known.group.join("\n")).unwrap();
    let outsiders = Group::generate(&mut Counter(9));
    let (address, other) = ([7; 32], [8; 32]);
    let me = NodeSeed::from_bytes([1; 32]).identity().node_id();
    let sealers = sealers(&group);
    let [newest, older] = &sealers[..] else {
        unreachable!("two epochs")
    };
    let key = *newest.key_of_content(&address).as_bytes();
    let sealed = newest.seal_provider(&address, &me, b"says", &mut Counter(0));
    let provider = record(RecordKind::PROVIDER, key, *me.as_bytes(), sealed);
    assert_eq!(newest.open_provider(&address, &provider).unwrap(), b"says");
    // A holder of the record knows the key and the seed, but not the address.
    assert!(newest.open_provider(&key, &provider).is_err());
    assert!(newest.open_provider(&other, &provider).is_err());
    assert!(newest.open_peer(&provider).is_err());
    assert!(older.open_provider(&address, &provider).is_err());
    // Nobody passes another's words off as its own.
    let mut stolen = provider.clone();
    stolen.node = [9; 32];
    assert!(newest.open_provider(&address, &stolen).is_err());
    // Who has another seed knows neither key nor words.
    let foreign = Sealer::new(outsiders.context("dht").unwrap());
    assert_ne!(foreign.key_of_content(&address).as_bytes(), &key);
    assert!(foreign.open_provider(&address, &provider).is_err());

    let sealed = newest.seal_peer(&me, b"here", &mut Counter(0));
    let peer = record(RecordKind::PEER, key, *me.as_bytes(), sealed);
    assert_eq!(newest.open_peer(&peer).unwrap(), b"here");
    assert!(older.open_peer(&peer).is_err() && foreign.open_peer(&peer).is_err());
}

#[test]
fn a_passphrase_gives_no_keyring() {
    let group = Group::from_passphrase("tests", "correct horse battery staple").unwrap();
    let identity = NodeSeed::from_bytes([1; 32]).identity();
    assert!(GroupKeyring::new(identity, &group).is_err());
}
