use crate::{Error, Network, Recorded, Result, Site};

/// A network's part in a fit: what may be done with it, and where its activity is read and written.
///
/// That a network is only [recorded](Self::recorded) is a promise kept by its type: nothing can run it.
#[derive(Clone)]
pub struct Participant<'a> {
    access: Access<'a>,
    site: Site,
}

#[derive(Clone, Copy)]
enum Access<'a> {
    Live(&'a dyn Network),
    Recorded(&'a dyn Recorded),
}

impl<'a> Participant<'a> {
    /// A network that may be run, at the site called `site`.
    ///
    /// # Errors
    /// No such site.
    pub fn live(network: &'a dyn Network, site: &str) -> Result<Self> {
        Ok(Self { site: network.site(site)?, access: Access::Live(network) })
    }

    /// A network that may only be read, at the site called `site`.
    ///
    /// # Errors
    /// No such site.
    pub fn recorded(recorded: &'a dyn Recorded, site: &str) -> Result<Self> {
        Ok(Self { site: recorded.site(site)?, access: Access::Recorded(recorded) })
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        self.reader().name()
    }

    /// Where its activity is read and written.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What reads its activity.
    pub fn reader(&self) -> &'a dyn Recorded {
        match self.access {
            Access::Live(network) => network,
            Access::Recorded(recorded) => recorded,
        }
    }

    /// What runs it.
    ///
    /// # Errors
    /// It is only recorded.
    pub fn network(&self) -> Result<&'a dyn Network> {
        match self.access {
            Access::Live(network) => Ok(network),
            Access::Recorded(recorded) => Err(Error::invalid(format!(
                "network `{}` is only recorded: its behaviour can be neither trained on nor measured",
                recorded.name()
            ))),
        }
    }
}
