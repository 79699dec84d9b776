//! Sign-in, expiry, refresh, reuse.

use super::*;

impl World {
    async fn refresh(&self, token: &str) -> Reply {
        self.call(Method::POST, path::REFRESH, None, Some(&json!({ "refreshToken": token }))).await
    }

    /// Whether the access token still opens the door.
    async fn opens(&self, tokens: &Tokens) -> bool {
        let reply = self.call(Method::GET, path::DELTA, Some(&tokens.access_token), None).await;
        if reply.status != StatusCode::OK {
            assert_refused(&reply);
        }
        reply.status == StatusCode::OK
    }
}

fn assert_refused(reply: &Reply) {
    assert_eq!((reply.status, reply.problem().code), (StatusCode::UNAUTHORIZED, ErrorCode::AuthError));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_or_user_signs_nobody_in() {
    let world = World::new();
    for (user, password) in [("maria", "jonas's"), ("nobody", ""), ("", "")] {
        let body = json!({ "userId": user, "password": password, "deviceId": "phone" });
        assert_refused(&world.call(Method::POST, path::SIGN_IN, None, Some(&body)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_token_that_counts_nothing_is_given() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    for token in [None, Some(""), Some("guess"), Some(maria.tokens.refresh_token.as_str())] {
        for (method, target) in [(Method::GET, path::DELTA), (Method::GET, path::PROFILE), (Method::POST, path::PUSH)] {
            assert_refused(&world.call(method, target, token, None).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_access_token_dies_after_a_quarter_of_an_hour_and_a_refresh_brings_a_new_one() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    assert_eq!(maria.tokens.expires_in, 900);
    pass(15 * MINUTE - Duration::from_millis(1)).await;
    assert!(world.opens(&maria.tokens).await);
    pass(Duration::from_millis(1)).await;
    assert!(!world.opens(&maria.tokens).await);
    let next: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    assert!(world.opens(&next).await);
    assert_ne!(next.refresh_token, maria.tokens.refresh_token);
}

#[tokio::test(start_paused = true)]
async fn a_lost_refresh_answer_is_given_again_within_a_minute() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let first: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    pass(MINUTE).await;
    let again: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    assert_eq!((&again.access_token, &again.refresh_token), (&first.access_token, &first.refresh_token));
    assert_eq!(again.expires_in, 840);
    let next = world.refresh(&again.refresh_token).await;
    assert!(world.opens(&next.ok()).await);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_answer_lost_for_days_is_given_again_until_its_tokens_are_used() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    pass(20 * DAY).await;
    let lost: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    // By then the old token's own thirty days are over; what counts is its successor's.
    pass(12 * DAY).await;
    let again: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    assert_eq!(again.refresh_token, lost.refresh_token);
    assert_ne!(again.access_token, lost.access_token);
    assert_eq!(again.expires_in, 900);
    pass(Duration::from_secs(3600)).await;
    let later: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    assert!(world.opens(&later).await);
    pass(2 * MINUTE).await;
    assert_refused(&world.refresh(&maria.tokens.refresh_token).await);
    assert!(!world.opens(&later).await);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_ends_all_sessions_of_a_user() {
    let world = World::new();
    let (phone, tablet) = (world.sign_in("maria", "phone").await, world.sign_in("maria", "tablet").await);
    let jonas = world.sign_in("jonas", "phone").await;
    let office = world.sign_in("office", "desk").await;
    let body = json!({ "userId": "maria" });
    let revoke = |tokens: &Tokens| {
        let token = tokens.access_token.clone();
        let (world, body) = (&world, &body);
        async move { world.call(Method::POST, path::REVOKE, Some(&token), Some(body)).await }
    };
    assert_eq!(revoke(&jonas.tokens).await.status, StatusCode::FORBIDDEN);
    assert!(world.opens(&phone.tokens).await);
    assert_eq!(revoke(&office.tokens).await.status, StatusCode::OK);
    for tokens in [&phone.tokens, &tablet.tokens] {
        assert!(!world.opens(tokens).await);
        assert_refused(&world.refresh(&tokens.refresh_token).await);
    }
    assert!(world.opens(&jonas.tokens).await);
}

#[tokio::test(start_paused = true)]
async fn a_new_password_ends_the_sessions_and_the_old_password() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let office = world.sign_in("office", "desk").await;
    let change = |token: &str, user: &str, password: &str| {
        let body = json!({ "userId": user, "password": password });
        let (world, token) = (&world, token.to_owned());
        async move { world.call(Method::POST, path::PASSWORD, Some(&token), Some(&body)).await.status }
    };
    assert_eq!(change(&maria.tokens.access_token, "maria", "mine").await, StatusCode::FORBIDDEN);
    let desk = &office.tokens.access_token;
    assert_eq!(change(desk, "nobody", "new").await, StatusCode::BAD_REQUEST);
    assert_eq!(change(desk, "maria", "").await, StatusCode::BAD_REQUEST);
    assert!(world.opens(&maria.tokens).await);
    assert_eq!(change(desk, "maria", "new").await, StatusCode::OK);
    assert!(!world.opens(&maria.tokens).await);
    assert_refused(&world.refresh(&maria.tokens.refresh_token).await);
    let sign_in = |password: &str| {
        let body = json!({ "userId": "maria", "password": password, "deviceId": "phone" });
        let world = &world;
        async move { world.call(Method::POST, path::SIGN_IN, None, Some(&body)).await }
    };
    assert_refused(&sign_in("maria's").await);
    assert_eq!(sign_in("new").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn later_reuse_revokes_the_whole_session_and_no_other() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let tablet = world.sign_in("maria", "tablet").await;
    let next: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    assert!(world.opens(&next).await);
    pass(MINUTE + Duration::from_millis(1)).await;
    assert_refused(&world.refresh(&maria.tokens.refresh_token).await);
    assert_refused(&world.refresh(&next.refresh_token).await);
    assert!(!world.opens(&next).await);
    assert!(world.opens(&tablet.tokens).await);
}

#[tokio::test(start_paused = true)]
async fn reuse_after_the_successor_was_used_revokes_even_within_the_minute() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let second: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    let third: Tokens = world.refresh(&second.refresh_token).await.ok();
    assert_refused(&world.refresh(&maria.tokens.refresh_token).await);
    assert!(!world.opens(&third).await);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_lives_thirty_days_from_its_own_issue() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    pass(29 * DAY).await;
    let next: Tokens = world.refresh(&maria.tokens.refresh_token).await.ok();
    pass(29 * DAY).await;
    let last: Tokens = world.refresh(&next.refresh_token).await.ok();
    pass(30 * DAY).await;
    assert_refused(&world.refresh(&last.refresh_token).await);
    assert_refused(&world.refresh("guess").await);
}
