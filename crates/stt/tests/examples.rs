//! The programs in `examples/`: each does what it says, which it asserts by itself, and stays short
//! enough to be read at a glance.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "a test, and programs included as modules"
)]

#[path = "../examples/chat.rs"]
mod chat;
#[path = "../examples/live_video.rs"]
mod live_video;
#[path = "../examples/sensor_network.rs"]
mod sensor_network;
#[path = "../examples/sensor_readings.rs"]
mod sensor_readings;
#[path = "../examples/video_wall.rs"]
mod video_wall;

#[test]
fn live_video_reaches_a_viewer_whole() {
    live_video::main().unwrap();
}

#[test]
fn sensor_readings_are_found_again_by_their_address() {
    sensor_readings::main().unwrap();
}

#[test]
fn video_reaches_several_viewers_and_a_late_one() {
    video_wall::main().unwrap();
}

#[test]
fn lines_of_a_chat_arrive_in_order() {
    chat::main().unwrap();
}

#[test]
fn one_hot_sensor_is_heard_of_by_all() {
    sensor_network::main().unwrap();
}

#[test]
fn an_example_is_less_than_80_lines() {
    let examples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
    let mut seen = 0;
    for example in examples {
        let path = example.unwrap().path();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines < 80, "{} has {lines} lines", path.display());
        seen += 1;
    }
    assert_eq!(seen, 5, "each example is to be run here");
}
