//! Members and invitations.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Place, Query, Sorted};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::OrganisationNamed;
use super::{Organiser, RecentlyAuthenticated, SignedIn};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, remove))
        .routes(routes!(set_roles))
        .routes(routes!(clear_pin))
        .routes(routes!(set_own_pin, clear_own_pin))
        .routes(routes!(invitations, invite))
        .routes(routes!(revoke_invitation))
        .routes(routes!(resend))
        .routes(routes!(look))
        .routes(routes!(accept))
}

/// Which members are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MembersQuery {
    /// Only those with this role for everything.
    role: Option<Role>,
    /// Only the one with exactly this e-mail address.
    email: Option<String>,
    /// How many, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before, with the same `sort`; absent for the first page.
    cursor: Option<String>,
    /// By what, with a `-` before it for descending; `joined` if absent.
    #[param(inline, value_type = Option<MemberSort>)]
    sort: Option<String>,
}

/// List the organisation's members, in the order in which they joined unless they are sorted otherwise
#[utoipa::path(get, path = "/api/v1/members", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.read"))),
    params(MembersQuery),
    responses((status = 200, body = Page<Member>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::MembersRead>,
    Query(query): Query<MembersQuery>,
) -> Result<Json<Page<Member>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    // An address that can be nobody's is nobody's.
    let email = query.email.map(|email| email.parse::<Email>()).transpose();
    let sorted = Sorted::<MemberSort>::new(page, query.sort.as_deref())?;
    let after = sorted.after()?.map(|place| place.parsed_id::<MemberId>());
    let after = after.transpose()?;
    let Ok(email) = email else {
        return Ok(Json(Page {
            items: Vec::new(),
            next: None,
        }));
    };
    let filter = MemberFilter {
        by: sorted.by,
        role: query.role,
        email,
    };
    let organisation = organiser.organisation();
    let limit = sorted.limit_and_one();
    let members = service::members(&app, organisation, filter, after, limit).await?;
    Ok(Json(sorted.page(members, |member| Place::of_id(member.id))))
}

/// See a member
#[utoipa::path(get, path = "/api/v1/members/{member}", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.read"))),
    params(("member" = MemberId, Path)),
    responses((status = 200, body = Member), (status = "4XX", body = Problem)))]
async fn show(
    State(app): State<App>,
    organiser: Organiser<permit::MembersRead>,
    Path(member): Path<MemberId>,
) -> Result<Json<Member>, Problem> {
    Ok(Json(
        service::member(&app, organiser.organisation(), member).await?,
    ))
}

/// Set what a member is: a role for everything, roles for single events, or both
///
/// Nobody gives, or takes from others, more than they have. To make somebody an owner, the caller
/// must have proved within 10 minutes who they are.
#[utoipa::path(put, path = "/api/v1/members/{member}/roles", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.manage"))),
    params(("member" = MemberId, Path)),
    responses((status = 200, body = Member), (status = "4XX", body = Problem)))]
async fn set_roles(
    State(app): State<App>,
    organiser: Organiser<permit::MembersManage>,
    Path(member): Path<MemberId>,
    Json(input): Json<RolesInput>,
) -> Result<Json<Member>, Problem> {
    let (principal, organisation) = (organiser.principal(), organiser.organisation());
    Ok(Json(
        service::set_roles(&app, principal, organisation, member, input.into()).await?,
    ))
}

/// Take a member out; the last owner stays
#[utoipa::path(delete, path = "/api/v1/members/{member}", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.manage"))),
    params(("member" = MemberId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn remove(
    State(app): State<App>,
    organiser: Organiser<permit::MembersManage>,
    Path(member): Path<MemberId>,
) -> Result<StatusCode, Problem> {
    service::remove_member(
        &app,
        organiser.principal(),
        organiser.organisation(),
        member,
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a member's PIN away, and with it the devices that they hold
#[utoipa::path(delete, path = "/api/v1/members/{member}/pin", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.manage"))),
    params(("member" = MemberId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn clear_pin(
    State(app): State<App>,
    organiser: Organiser<permit::MembersManage>,
    Path(member): Path<MemberId>,
) -> Result<StatusCode, Problem> {
    service::clear_pin(
        &app,
        organiser.principal(),
        organiser.organisation(),
        member,
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Set one's own PIN for tills and phones that others use too
///
/// For the organisation that `Bilten-Organisation` names, or the only one.
#[utoipa::path(put, path = "/api/v1/staff-pin", tag = "members", security(("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn set_own_pin(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    OrganisationNamed(named): OrganisationNamed,
    Json(input): Json<PinInput>,
) -> Result<StatusCode, Problem> {
    service::set_pin(&app, &person, named.as_deref(), input.pin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take one's own PIN away; doing so again changes nothing
#[utoipa::path(delete, path = "/api/v1/staff-pin", tag = "members", security(("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn clear_own_pin(
    State(app): State<App>,
    SignedIn(_principal, person): SignedIn,
    OrganisationNamed(named): OrganisationNamed,
) -> Result<StatusCode, Problem> {
    service::clear_own_pin(&app, &person, named.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List invitations, the newest first
#[utoipa::path(get, path = "/api/v1/invitations", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.read"))),
    params(PageQuery),
    responses((status = 200, body = Page<Invitation>), (status = "4XX", body = Problem)))]
async fn invitations(
    State(app): State<App>,
    organiser: Organiser<permit::MembersRead>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Invitation>>, Problem> {
    let found = service::invitations(
        &app,
        organiser.organisation(),
        page.after()?,
        page.limit_and_one(),
    )
    .await?;
    Ok(Json(page.page(found, |invitation| invitation.id)))
}

/// Invite somebody by mail; what waited for the same address is replaced
#[utoipa::path(post, path = "/api/v1/invitations", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.manage"))),
    responses((status = 201, body = Invitation), (status = "4XX", body = Problem)))]
async fn invite(
    State(app): State<App>,
    organiser: Organiser<permit::MembersManage>,
    Json(input): Json<InvitationInput>,
) -> Result<(StatusCode, Json<Invitation>), Problem> {
    let sent =
        service::invite(&app, organiser.principal(), organiser.organisation(), input).await?;
    Ok((StatusCode::CREATED, Json(sent)))
}

/// Take an invitation back
#[utoipa::path(delete, path = "/api/v1/invitations/{invitation}", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.manage"))),
    params(("invitation" = InvitationId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn revoke_invitation(
    State(app): State<App>,
    organiser: Organiser<permit::MembersManage>,
    Path(invitation): Path<InvitationId>,
) -> Result<StatusCode, Problem> {
    service::revoke_invitation(
        &app,
        organiser.principal(),
        organiser.organisation(),
        invitation,
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send an invitation once more, with a new link; the old one is void
#[utoipa::path(post, path = "/api/v1/invitations/{invitation}/resend", tag = "members",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("members.manage"))),
    params(("invitation" = InvitationId, Path)),
    responses((status = 200, body = Invitation), (status = "4XX", body = Problem)))]
async fn resend(
    State(app): State<App>,
    organiser: Organiser<permit::MembersManage>,
    Path(invitation): Path<InvitationId>,
) -> Result<Json<Invitation>, Problem> {
    let sent = service::resend_invitation(
        &app,
        organiser.principal(),
        organiser.organisation(),
        invitation,
    )
    .await?;
    Ok(Json(sent))
}

/// The secret of an invitation's link.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InvitationToken {
    /// What its mail shows after `token=`.
    token: String,
}

/// See what one was invited to, by the secret of the link
#[utoipa::path(post, path = "/api/v1/invitations/look", tag = "members",
    responses((status = 200, body = Invited), (status = "4XX", body = Problem)))]
async fn look(
    State(app): State<App>,
    Json(input): Json<InvitationToken>,
) -> Result<Json<Invited>, Problem> {
    Ok(Json(service::invited(&app, &input.token).await?))
}

/// Accept an invitation; the signed-in person's confirmed address must be the invited one
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "members",
    security(("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Organisation), (status = "4XX", body = Problem)))]
async fn accept(
    State(app): State<App>,
    SignedIn(principal, person): SignedIn,
    Json(input): Json<InvitationToken>,
) -> Result<Json<Organisation>, Problem> {
    Ok(Json(
        service::accept_invitation(&app, &principal, &person, input.token).await?,
    ))
}
