//! Names.

use serde::Deserialize;
use stt_wire::Name;

use crate::{Vectors, assert_refused, bytes, encoded, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    hex: String,
    name: String,
}

#[test]
fn name_vectors_hold() {
    let vectors: Vectors<Named> = parse(include_str!("../../../../spec/vectors/wire/name.json"));
    for Named { hex, name } in &vectors.valid {
        let name = Name::try_from(name).expect("a name");
        assert_eq!(encoded(|out| name.encode(out)), bytes(hex));
        assert_eq!(Name::take(&mut bytes(hex)), Ok(name));
    }
    assert_refused(&vectors.invalid, |hex| Name::take(&mut bytes(hex)));
}
