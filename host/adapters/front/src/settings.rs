//! What the host's environment says. The plugin's own settings have the names that the plugin describes, in capitals:
//! `agent-id` is `RBM_AGENT_ID`. One that may occur more than once may also be `RBM_CLIENT_TOKEN_2`.

use gateway_channel::{Description, Setting};
use rbm_wire::name::AgentId;

/// The variables of the environment that are meant for here.
pub(crate) struct Settings {
    variables: Vec<(String, String)>,
}

impl Settings {
    /// Blanks around a value are whoever wrote the file's; a variable that is empty is none.
    pub(crate) fn of(environment: Vec<(String, String)>) -> Self {
        let ours = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with("RBM_"));
        let trimmed = ours.map(|(name, value)| (name, value.trim().to_owned()));
        Self {
            variables: trimmed.filter(|(_, value)| !value.is_empty()).collect(),
        }
    }

    /// What applications call the agent, and what its webhook ends in: `RBM_AGENT`, or the agent's id.
    pub(crate) fn agent_name(&self) -> Option<String> {
        let id = || AgentId::parse(self.variable("RBM_AGENT_ID")?).ok();
        self.variable("RBM_AGENT")
            .map(str::to_owned)
            .or_else(|| Some(id()?.bare().to_owned()))
    }

    /// Whether what is signed concerns the agent. Where it names nobody, it can only be this one.
    pub(crate) fn concerns(&self, agent: &str) -> bool {
        let own = self
            .variable("RBM_AGENT_ID")
            .and_then(|id| AgentId::parse(id).ok());
        agent.is_empty() || own.is_some() && AgentId::parse(agent).ok() == own
    }

    /// Where events are posted.
    pub(crate) fn callback_url(&self) -> Option<&str> {
        self.variable("RBM_CALLBACK_URL")
    }

    /// What callers must know.
    pub(crate) fn api_token(&self) -> Option<&str> {
        self.variable("RBM_API_TOKEN")
    }

    /// For the plugin.
    pub(crate) fn of_plugin(&self, description: &Description) -> Vec<Setting> {
        let described = description.settings.iter();
        described
            .flat_map(|described| {
                let variable = format!("RBM_{}", described.name.to_uppercase().replace('-', "_"));
                let second = described.many.then(|| format!("{variable}_2"));
                let values = [Some(variable), second].into_iter().flatten();
                values.filter_map(|name| {
                    Some(Setting {
                        name: described.name.clone(),
                        value: self.variable(&name)?.to_owned(),
                    })
                })
            })
            .collect()
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_channel::SettingDescription;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::of(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn the_plugins_settings_are_those_that_it_describes() {
        let described = |name: &str, many| SettingDescription {
            name: name.into(),
            documentation: String::new(),
            required: false,
            secret: false,
            many,
            default: None,
        };
        let description = Description {
            name: "x".into(),
            version: String::new(),
            settings: vec![
                described("agent-id", false),
                described("client-token", true),
                described("region", false),
            ],
            features: vec![],
        };
        let settings = settings(&[
            ("RBM_CLIENT_TOKEN_2", "old\n"),
            ("RBM_CLIENT_TOKEN", "new"),
            ("RBM_AGENT_ID", " demo "),
            ("RBM_AGENT_ID_2", "x"),
            ("RBM_REGION", ""),
            ("RBM_API_TOKEN", "t0"),
            ("AGENT_ID", "other"),
        ]);
        let given: Vec<_> = settings
            .of_plugin(&description)
            .into_iter()
            .map(|it| (it.name, it.value))
            .collect();
        let expected = [
            ("agent-id", "demo"),
            ("client-token", "new"),
            ("client-token", "old"),
        ];
        assert_eq!(
            given,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn an_event_concerns_the_one_agent_in_either_spelling() {
        let demo = settings(&[("RBM_AGENT_ID", "demo@rbm.goog")]);
        for (agent, concerned) in [
            ("demo", true),
            ("demo@rbm.goog", true),
            ("", true),
            ("other", false),
            ("demo@rbm.example", false),
            ("a/b", false),
        ] {
            assert_eq!(demo.concerns(agent), concerned, "{agent}");
        }
        assert!(!settings(&[]).concerns("demo"));
        assert!(!settings(&[("RBM_AGENT_ID", "a/b")]).concerns("a/b"));
        assert_eq!(demo.agent_name().as_deref(), Some("demo"));
        assert_eq!(
            settings(&[("RBM_AGENT_ID", "a"), ("RBM_AGENT", "shop")])
                .agent_name()
                .as_deref(),
            Some("shop")
        );
        assert_eq!(settings(&[("RBM_AGENT", " ")]).agent_name(), None);
    }
}
