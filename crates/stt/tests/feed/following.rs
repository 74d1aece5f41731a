//! Who follows gets everything, in order, soon, and mostly from others who follow.

use std::time::Duration;

use stt::{
    BinaryStreamDecoder, FollowError, FollowOptions, LiveOptions, PublishError, Sharing, Start,
};
use stt_sim::Link;

use crate::studio::{Camera, Member, Seen, context, film, from};
use crate::support::{address, in_world, payload};
use crate::village::Village;

#[test]
fn a_late_joiner_gets_the_stream_from_the_beginning_and_the_rest_as_it_comes() {
    in_world(61, Link::wan(), async |sim, world| {
        let camera = Camera::new(&sim, &world, 5_000);
        let publisher = Member::new(&world, 1).await;
        let mut feed = publisher.publish(&camera, 200);
        sim.sleep(Duration::from_secs(10)).await;
        let late_from = camera.made().len();

        let viewer = Member::new(&world, 2).await;
        let session = viewer.node.connect(address(1)).await.unwrap();
        let mut following = viewer.follow(feed.reference(), from(Start::Beginning, [&session]));
        let seen = Seen::to_the_end(&sim, &mut following).await;
        seen.assert_whole_from(&camera, 0);
        assert_eq!(feed.finished().await.unwrap(), feed.entries());

        // What it had to wait for came as soon as to those who were there.
        let delay = seen.longest_delay(&camera, late_from + 10);
        assert!(delay < Duration::from_millis(1_300), "{delay:?}");

        let mut decoder = BinaryStreamDecoder::new(&context());
        for (segment, _) in &seen.segments {
            decoder
                .receive_segment(segment, segment.sequence())
                .unwrap();
        }
        assert!(decoder.receive_all().await.unwrap() == film(200, 5_000));
    });
}

#[test]
fn who_joins_live_begins_with_the_newest_entry_and_is_a_run_and_few_round_trips_behind() {
    in_world(62, Link::wan(), async |sim, world| {
        let camera = Camera::new(&sim, &world, 5_000);
        let publisher = Member::new(&world, 1).await;
        let mut options = LiveOptions::default();
        options.every = Duration::from_millis(500);
        let feed = publisher.publish_with(&camera, 300, options);
        sim.sleep(Duration::from_secs(10)).await;

        let viewer = Member::new(&world, 2).await;
        let session = viewer.node.connect(address(1)).await.unwrap();
        let joined = camera.made().len();
        let mut following = viewer.follow(feed.reference(), from(Start::Live, [&session]));
        let seen = Seen::to_the_end(&sim, &mut following).await;
        let first = seen.segments[0].0.sequence() as usize;
        // Five segments a picture, and two runs of five pictures at most.
        assert!(joined - first <= 60, "{joined} {first}");
        seen.assert_whole_from(&camera, first);
        // Half a second of a run, and 50 ms a round trip.
        let delay = seen.longest_delay(&camera, joined + 1);
        println!("live: {delay:?} behind at most, of runs of 500 ms");
        assert!(delay < Duration::from_millis(500 + 4 * 50), "{delay:?}");
    });
}

#[test]
fn ten_followers_of_a_narrow_line_get_the_stream_mostly_from_each_other() {
    in_world(63, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let camera = Camera::new(&sim, &world, 20_000);
        let publisher = Member::villager(&world, 20).await;
        sim.sleep(Duration::from_secs(10)).await;
        for host in 30..40 {
            world
                .net
                .link(address(20).ip(), address(host).ip(), |link| {
                    link.rate = 4_000_000;
                });
        }
        let mut options = LiveOptions::default();
        options.followers = 3;
        let feed = publisher.publish_with(&camera, 300, options);
        let mut viewing = Vec::new();
        for host in 30..40 {
            let viewer = Member::villager(&world, host).await;
            let feed = feed.reference();
            let clock = sim.clone();
            viewing.push(sim.spawn(async move {
                clock.sleep(Duration::from_secs(5)).await;
                let mut following = viewer.follow(feed, FollowOptions::default());
                let seen = Seen::to_the_end(&clock, &mut following).await;
                // Others may not be done.
                clock.sleep(Duration::from_secs(20)).await;
                drop(viewer);
                seen
            }));
        }
        let mut longest = Duration::ZERO;
        for viewer in viewing {
            let seen = viewer.await;
            seen.assert_whole_from(&camera, 0);
            // From when all have caught up.
            let from = camera.made().len() * 2 / 3;
            longest = longest.max(seen.longest_delay(&camera, from));
        }
        let sent = |host: u8| {
            let stats = world.net.stats(address(20).ip(), address(host).ip());
            stats.delivered_bytes
        };
        let sent: u64 = (30..40).map(sent).sum();
        let once = 300.0 * 20_000.0;
        println!(
            "ten followers: the publisher sent {:.1} times the stream; {longest:?} behind at most",
            sent as f64 / once
        );
        assert!((sent as f64) < 4.0 * once, "{:.1}", sent as f64 / once);
        assert!(longest < Duration::from_secs(3), "{longest:?}");
    });
}

#[test]
fn who_does_not_share_keeps_no_more_than_it_reads() {
    in_world(64, Link::lan(), async |sim, world| {
        let camera = Camera::new(&sim, &world, 5_000);
        let publisher = Member::new(&world, 1).await;
        let feed = publisher.publish(&camera, 300);
        sim.sleep(Duration::from_secs(31)).await;
        assert_eq!(publisher.objects().await, feed.entries());

        let viewer = Member::new(&world, 2).await;
        let own = viewer.storage.store(payload(1, 1_000)).await.unwrap();
        let session = viewer.node.connect(address(1)).await.unwrap();
        let mut options = from(Start::Beginning, [&session]);
        options.sharing = Sharing::Nothing;
        options.ahead = 4;
        let mut following = viewer.follow(feed.reference(), options);
        sim.sleep(Duration::from_secs(10)).await;
        assert_eq!(viewer.objects().await, 1 + 4, "nobody has read yet");
        assert!(viewer.node.published().is_empty());
        let seen = Seen::to_the_end(&sim, &mut following).await;
        seen.assert_whole_from(&camera, 0);
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(viewer.objects().await, 1);
        assert!(viewer.storage.contains(own).await.unwrap());

        // The publisher's objects go with its feed.
        drop(feed);
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(publisher.objects().await, 0);
    });
}

#[test]
fn a_publisher_keeps_a_window_and_who_comes_later_begins_with_it() {
    in_world(65, Link::lan(), async |sim, world| {
        let camera = Camera::new(&sim, &world, 1_000);
        let publisher = Member::new(&world, 1).await;
        let mut options = LiveOptions::default();
        options.keep = 5;
        let feed = publisher.publish_with(&camera, 300, options);
        sim.sleep(Duration::from_secs(20)).await;
        assert_eq!(publisher.objects().await, 5);
        let viewer = Member::new(&world, 2).await;
        let session = viewer.node.connect(address(1)).await.unwrap();
        let mut following = viewer.follow(feed.reference(), from(Start::Beginning, [&session]));
        let seen = Seen::to_the_end(&sim, &mut following).await;
        let first = seen.segments[0].0.sequence() as usize;
        assert!((120..180).contains(&first), "{first}");
        seen.assert_whole_from(&camera, first);

        // An entry that nobody has any more is told of.
        let other = Member::new(&world, 3).await;
        let session = other.node.connect(address(1)).await.unwrap();
        let mut options = from(Start::Number(2), [&session]);
        options.patience = Duration::from_secs(10);
        let mut following = other.follow(feed.reference(), options);
        let seen = Seen::to_the_end(&sim, &mut following).await;
        let error = seen.error.unwrap();
        assert!(
            matches!(error, FollowError::Missed { number: 2 }),
            "{error}"
        );
        assert!(seen.segments.is_empty());
    });
}

#[test]
fn what_can_not_be_followed_or_published_has_a_reason() {
    in_world(66, Link::lan(), async |sim, world| {
        let camera = Camera::new(&sim, &world, 1_000);
        let bare = world.node(1).await;
        let refused = bare.publish_live(camera.film(1), LiveOptions::default());
        assert!(matches!(refused, Err(PublishError::NoStorage)));
        let publisher = Member::new(&world, 2).await;
        let feed = publisher.publish(&camera, 20);
        let here = publisher
            .node
            .follow(feed.reference(), FollowOptions::default());
        assert!(matches!(here, Err(FollowError::AlreadyHere)));
        let nowhere = bare.follow(feed.reference(), FollowOptions::default());
        assert!(matches!(nowhere, Err(FollowError::NoStorage)));

        // One that has nothing of it, and one without storage, are nobody.
        let viewer = Member::new(&world, 3).await;
        let empty = Member::new(&world, 4).await;
        let sessions = [
            viewer.node.connect(address(1)).await.unwrap(),
            viewer.node.connect(address(4)).await.unwrap(),
        ];
        let mut following = viewer.follow(feed.reference(), from(Start::Live, &sessions));
        let begun = sim.now();
        let seen = Seen::to_the_end(&sim, &mut following).await;
        let error = seen.error.unwrap();
        let nobody = matches!(
            error,
            FollowError::NoHolders {
                named: 2,
                blamed: 0
            }
        );
        assert!(nobody, "{error}");
        assert!(sim.now() - begun < Duration::from_secs(62));
        drop(empty);
    });
}
