use xshell::{Shell, cmd};

#[derive(clap::Args)]
pub struct Arguments {
    /// Also type-check the builds for wgpu and cuda, in target folders of their own
    #[arg(long)]
    devices: bool,
}

pub fn run(shell: &Shell, arguments: &Arguments) -> xshell::Result<()> {
    cmd!(shell, "cargo fmt --all --check").run()?;
    cmd!(shell, "cargo clippy --workspace --all-targets --locked -- --deny warnings").run()?;
    cmd!(shell, "cargo test --workspace --locked").run()?;
    {
        let _denied = shell.push_env("RUSTDOCFLAGS", "--deny warnings");
        cmd!(shell, "cargo doc --workspace --no-deps --locked").run()?;
    }
    if arguments.devices {
        // Other features would rebuild the common target folder back and forth.
        let check = |device: &str| {
            let target = format!("target/{device}");
            cmd!(
                shell,
                "cargo check --locked --package mas-cli --no-default-features --features {device} --target-dir {target}"
            )
        };
        check("wgpu").run()?;
        // As on docs.rs: without it the build fetches a compiler bundle, which only running on a GPU needs.
        check("cuda").env("DOCS_RS", "1").run()?;
    }
    Ok(())
}
