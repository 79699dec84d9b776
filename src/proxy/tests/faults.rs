//! Faults between a device and a tiny server: what arrives, when, and what the history says of it.

use super::*;

#[test]
fn a_reset_is_read_as_one_and_a_cut_is_not() {
    for (how, kind) in [(LoseHow::Reset, io::ErrorKind::ConnectionReset), (LoseHow::Cut, io::ErrorKind::UnexpectedEof)]
    {
        for (act, asked) in [(Act::LoseRequest(how), 0), (Act::LoseAnswer(how), 1)] {
            simulate(async move {
                let stage = Stage::plain();
                stage.arm(act);
                let mut device = stage.connect().await;
                let error = timeout(MINUTE, ask(&mut device, REFRESH, 1)).await.unwrap().unwrap_err();
                assert_eq!((error.kind(), stage.asked()), (kind, asked));
            });
        }
    }
}

#[test]
fn a_spoilt_connection_that_stays_open_takes_the_next_request() {
    for act in [
        Act::Spoil(Spoil::Overlong(At::Byte(1))),
        Act::Slow(Slow::Head(Drops { bytes: 30, every: Duration::from_secs(1) })),
        Act::Slow(Slow::Body(Drops { bytes: 3, every: Duration::from_secs(1) })),
    ] {
        simulate(async move {
            let stage = Stage::plain();
            stage.arm(act.clone());
            let mut device = stage.connect().await;
            ask(&mut device, REFRESH, REFRESHED.len()).await.unwrap();
            assert_eq!(ask(&mut device, REFRESH, REFRESHED.len()).await.unwrap(), REFRESHED, "{act:?}");
            drop(device);
            tokio::time::sleep(MINUTE).await;
            let story = stage.story();
            assert_eq!((story.first().unwrap().as_str(), story.last().unwrap().as_str()), ("open 1", "close 1"));
        });
    }
}

#[test]
fn what_is_slow_arrives_whole_and_late() {
    let second = Duration::from_secs(1);
    let drops = |bytes| Drops { bytes, every: second };
    // 452 ms to connect and ask, 150 ms for the answer's way, and a few for its bytes.
    let usual_ms = 602;
    for (slow, late_ms) in [
        (Slow::Request(second * 7), 7_000),
        (Slow::Answer(second * 7), 7_000),
        (Slow::Body(drops(3)), 2_000),
        (Slow::Head(drops(16)), 1_000 * (REFRESHED.len() - 4).div_ceil(16) as u64),
    ] {
        simulate(async move {
            let stage = Stage::plain();
            stage.arm(Act::Slow(slow));
            let mut device = stage.connect().await;
            assert_eq!(ask(&mut device, REFRESH, REFRESHED.len()).await.unwrap(), REFRESHED);
            let took = stage.recorder.elapsed().as_millis() as u64;
            assert!((late_ms + usual_ms..late_ms + usual_ms + 40).contains(&took), "{slow:?}: {took} ms");
            assert_eq!(stage.asked(), 1);
        });
    }
}

#[test]
fn a_device_that_hangs_up_ends_a_slow_answer() {
    simulate(async {
        let stage = Stage::plain();
        stage.arm(Act::Slow(Slow::Body(Drops { bytes: 1, every: MINUTE * 60 })));
        let mut device = stage.connect().await;
        ask(&mut device, REFRESH, 20).await.unwrap();
        drop(device);
        tokio::time::sleep(MINUTE).await;
        assert_eq!(stage.story().last().unwrap(), "close 1");
    });
}

#[test]
fn a_doubled_request_is_seen_twice_and_answered_once() {
    for (duplicate, answers) in [
        (Duplicate::AtOnce, ["answer 1 0 false 200", &answer_line(true)]),
        (Duplicate::Late(MINUTE), [&answer_line(true), "answer 1 0 false 200"]),
    ] {
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        simulate(async move {
            let stage = Stage::plain();
            stage.arm(Act::Duplicate(duplicate));
            let mut device = stage.connect().await;
            assert_eq!(ask(&mut device, REFRESH, REFRESHED.len()).await.unwrap(), REFRESHED);
            drop(device);
            tokio::time::sleep(MINUTE * 2).await;
            assert_eq!(stage.asked(), 2, "{duplicate:?}");
            let told: Vec<String> = stage.story().into_iter().filter(|line| line.starts_with("answer")).collect();
            assert_eq!(told, answers);
        });
    }
}

#[test]
fn an_answer_of_before_comes_again_and_the_server_is_not_asked() {
    simulate(async {
        let count = std::cell::Cell::new(0);
        let stage = Stage::new(move || {
            count.set(count.get() + 1);
            Response::new(Full::from(format!("no {}", count.get())))
        });
        let length = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nno 1".len();
        let replay = |back, nth, after_commit| Rule {
            id: u64::from(nth),
            device: None,
            target: Target::Refresh,
            nth,
            times: 1,
            only: Only::default(),
            act: Act::Replay(Replay { back, after_commit }),
        };
        // Nothing to give again: it passes, and the rule has not struck.
        stage.faults.arm(replay(1, 1, false));
        stage.faults.arm(replay(1, 3, false));
        stage.faults.arm(replay(2, 4, true));
        let mut device = stage.connect().await;
        let mut told = Vec::new();
        for _ in 0..5 {
            let answer = ask(&mut device, REFRESH, length).await.unwrap();
            told.push(answer[length - 4..].to_owned());
        }
        assert_eq!(told, ["no 1", "no 2", "no 2", "no 1", "no 4"]);
        let story = stage.story();
        let fired: Vec<&String> = story.iter().filter(|line| line.starts_with("fault")).collect();
        assert_eq!(fired, ["fault 3 Some(3)", "fault 4 Some(4)"]);
    });
}

#[test]
fn a_fault_finds_the_order_that_a_coded_body_names() {
    simulate(async {
        let stage = Stage::plain();
        let only = Only { entity: vec!["WO-7".into()], ..Only::default() };
        let (device, target, act) = (None, Target::Any, Act::LoseRequest(LoseHow::Cut));
        stage.faults.arm(Rule { id: 9, device, target, nth: 1, times: 1, only, act });
        for (order, struck) in [("WO-8", false), ("WO-7", true)] {
            let body = crate::protocol::gzip::pack(format!("{{\"pick\": [\"{order}\"]}}").as_bytes()).unwrap();
            let head = format!(
                "POST /x HTTP/1.1\r\nhost: s\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let mut device = stage.connect().await;
            device.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
            let answered = device.read_exact(&mut vec![0; REFRESHED.len()]).await.is_ok();
            assert_eq!(answered, !struck, "{order}");
        }
    });
}
