//! Where the API is: one address for all, and one for each region that agents are hosted in. guides/build/agents/create-agent

/// The address of the region, or the global one; none for what is no region.
pub fn of(region: Option<&str>) -> Option<&'static str> {
    let Some(region) = region else {
        return Some(GLOBAL);
    };
    REGIONAL
        .into_iter()
        .find(|(name, _)| *name == region)
        .map(|(_, origin)| origin)
}

/// Each of them.
pub fn all() -> impl Iterator<Item = &'static str> {
    std::iter::once(GLOBAL).chain(REGIONAL.into_iter().map(|(_, origin)| origin))
}

/// For agents of any region.
pub const GLOBAL: &str = "https://rcsbusinessmessaging.googleapis.com";

const REGIONAL: [(&str, &str); 3] = [
    ("us", "https://us-rcsbusinessmessaging.googleapis.com"),
    (
        "europe",
        "https://europe-rcsbusinessmessaging.googleapis.com",
    ),
    ("asia", "https://asia-rcsbusinessmessaging.googleapis.com"),
];
