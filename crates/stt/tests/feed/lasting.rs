//! A feed outlives its publisher, as long as anybody follows it.

use std::time::Duration;

use stt::{FollowOptions, LiveOptions, Start};
use stt_sim::Link;

use crate::studio::{Camera, Member, Seen, from};
use crate::support::{address, in_world};
use crate::village::Village;

#[test]
fn what_a_dead_publisher_had_published_comes_from_those_who_followed() {
    in_world(71, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let camera = Camera::new(&sim, &world, 5_000);
        let publisher = Member::villager(&world, 20).await;
        sim.sleep(Duration::from_secs(10)).await;
        let feed = publisher.publish(&camera, 100);
        let mut followers = Vec::new();
        for host in 30..33 {
            let viewer = Member::villager(&world, host).await;
            sim.sleep(Duration::from_secs(3)).await;
            let following = viewer.follow(feed.reference(), FollowOptions::default());
            followers.push((viewer, following));
        }
        sim.sleep(Duration::from_secs(10)).await;
        world.net.kill(address(20).ip());
        sim.sleep(Duration::from_secs(60)).await;

        let late = Member::villager(&world, 40).await;
        sim.sleep(Duration::from_secs(10)).await;
        let mut following = late.follow(feed.reference(), FollowOptions::default());
        let seen = Seen::to_the_end(&sim, &mut following).await;
        seen.assert_whole_from(&camera, 0);
        assert_eq!(camera.made().len(), seen.segments.len());
        drop(followers);
    });
}

#[test]
fn a_follower_whose_holder_dies_goes_on_with_another_and_misses_nothing() {
    in_world(72, Link::lan(), async |sim, world| {
        let camera = Camera::new(&sim, &world, 5_000);
        let publisher = Member::new(&world, 1).await;
        let mut options = LiveOptions::default();
        options.followers = 2;
        let feed = publisher.publish_with(&camera, 600, options);
        let mut between = Vec::new();
        for host in 2..4 {
            let member = Member::new(&world, host).await;
            let session = member.node.connect(address(1)).await.unwrap();
            let following = member.follow(feed.reference(), from(Start::Beginning, [&session]));
            between.push((member, following));
        }
        let viewer = Member::new(&world, 4).await;
        let mut sessions = Vec::new();
        for host in 1..4 {
            sessions.push(viewer.node.connect(address(host)).await.unwrap());
        }
        let mut following = viewer.follow(feed.reference(), from(Start::Beginning, &sessions));
        let clock = sim.clone();
        let viewing = sim.spawn(async move { Seen::to_the_end(&clock, &mut following).await });
        sim.sleep(Duration::from_secs(20)).await;
        world.net.kill(address(2).ip());
        let seen = viewing.await;
        seen.assert_whole_from(&camera, 0);
        let delay = seen.longest_delay(&camera, 0);
        assert!(delay < Duration::from_secs(3), "{delay:?}");
        drop(between);
    });
}
