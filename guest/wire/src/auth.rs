//! What a caller of RBM must hold. developers.google.com/identity/protocols/oauth2/service-account

/// The OAuth scope of every method. reference/rest/v1
pub const SCOPE: &str = "https://www.googleapis.com/auth/rcsbusinessmessaging";
