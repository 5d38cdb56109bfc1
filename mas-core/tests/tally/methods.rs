//! Every method is a setting of one objective.

use mas_core::{Direction, LATENT_WEIGHT, Method, Objective, Retain, all_directions};

type Row = (Method, &'static [(usize, usize)], &'static [(usize, usize)], bool, Retain);

/// For every method, with two networks (one, for `das`): directions trained on behaviour, directions with the
/// counterfactual-latent loss, whether everything goes over, what is kept.
#[rustfmt::skip] // A table is read by its columns.
const ROWS: &[Row] = &[
    (Method::Das,              &[(0, 0)],                         &[],               false, Retain::Rest),
    (Method::Mas,              &[(0, 0), (0, 1), (1, 0), (1, 1)], &[],               false, Retain::Rest),
    (Method::UnidirectionalMas, &[(0, 1), (1, 1)],                &[],               false, Retain::Rest),
    (Method::Stitching,        &[(0, 1)],                         &[],               true,  Retain::Nothing),
    (Method::LowRankStitching, &[(0, 1)],                         &[],               false, Retain::Nothing),
    (Method::LatentStitching,  &[],                               &[(0, 1)],         true,  Retain::Nothing),
    (Method::Clmas,            &[(0, 0), (1, 0)],                 &[(0, 1), (1, 1)], false, Retain::Rest),
];

fn directions(of: &[(usize, usize)]) -> Vec<Direction> {
    of.iter().map(|&(source, target)| Direction::new(source, target)).collect()
}

#[test]
fn every_method_is_a_row_of_the_table() {
    assert_eq!(ROWS.iter().map(|row| row.0).collect::<Vec<_>>(), Method::ALL);
    for &(method, behaviour, latent, everything, retain) in ROWS {
        let networks = if method == Method::Das { 1 } else { 2 };
        let objective = method.objective(networks).unwrap();
        let (behaviour, latent) = (directions(behaviour), directions(latent));
        assert_eq!(objective, Objective { behaviour, latent, latent_weight: LATENT_WEIGHT, retain });
        objective.check(networks).unwrap();
        assert_eq!(method.takes_everything(), everything, "{method}");
        assert_eq!(method.stitches(), retain == Retain::Nothing, "{method}");
        assert_eq!(method.has_inaccessible(), !objective.latent.is_empty(), "{method}");
        assert_eq!(method.weighs_latent(), !objective.latent.is_empty() && !objective.behaviour.is_empty(), "{method}");
        // Whether another order of the networks is another fit.
        let turned = |of: &[Direction]| {
            let turn = |network: usize| networks - 1 - network;
            let mut turned: Vec<_> = of.iter().map(|d| Direction::new(turn(d.source), turn(d.target))).collect();
            turned.sort();
            turned
        };
        let directed =
            turned(&objective.behaviour) != objective.behaviour || turned(&objective.latent) != objective.latent;
        assert_eq!(method.is_directed(), directed, "{method}");
    }
}

/// The table of methods in the documentation, where networks are counted from 1.
#[test]
fn the_documented_table_is_what_the_methods_are() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/method.md")).unwrap();
    let section = page.split("### Methods: settings of one objective").nth(1).unwrap();
    let rows: Vec<Vec<&str>> = section
        .lines()
        .skip_while(|line| !line.starts_with("| `"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let named: Vec<Method> = rows.iter().map(|row| row[1].trim_matches('`').parse().unwrap()).collect();
    assert_eq!(named, Method::ALL);
    for (method, row) in named.into_iter().zip(&rows) {
        let objective = method.objective(if method == Method::Das { 1 } else { 2 }).unwrap();
        assert_eq!(documented(row[3]), objective.behaviour, "{method}");
        assert_eq!(documented(row[4]), objective.latent, "{method}");
        assert_eq!(row[5].starts_with("all"), method.takes_everything(), "{method}");
        let retain = if row[6] == "nothing" { Retain::Nothing } else { Retain::Rest };
        assert_eq!(retain, objective.retain, "{method}");
    }
}

/// The directions between two networks that a field of that table names.
fn documented(field: &str) -> Vec<Direction> {
    match field {
        "–" => Vec::new(),
        "all n²" => all_directions(2),
        named => named
            .split('(')
            .skip(1)
            .map(|one| {
                let (source, target) = one.split_once(')').unwrap().0.split_once(',').unwrap();
                Direction::new(source.parse::<usize>().unwrap() - 1, target.parse::<usize>().unwrap() - 1)
            })
            .collect(),
    }
}

#[test]
fn methods_know_how_many_networks_they_take() {
    for method in Method::ALL {
        assert_eq!(method.id().parse::<Method>().unwrap(), method);
        let fits: Vec<usize> = (0..5).filter(|&networks| method.objective(networks).is_ok()).collect();
        let expected: &[usize] = match method {
            Method::Das => &[1],
            Method::Mas => &[1, 2, 3, 4],
            Method::Clmas => &[2, 3, 4],
            _ => &[2],
        };
        assert_eq!(fits, expected, "{method}");
        assert!(method.most_networks().is_none_or(|most| fits.last() == Some(&most)), "{method}");
        for networks in fits {
            method.objective(networks).unwrap().check(networks).unwrap();
        }
    }
    let message = "magic".parse::<Method>().unwrap_err().to_string();
    assert!(["magic", "das", "low-rank-stitching", "clmas"].iter().all(|word| message.contains(word)), "{message}");
}

/// Behaviour into what can be run, natural activity into what cannot, from everywhere.
#[test]
fn any_networks_of_a_clmas_fit_may_be_inaccessible() {
    for (networks, inaccessible) in [(2, vec![0]), (3, vec![1]), (4, vec![3, 0])] {
        let objective = Method::Clmas.objective_without(networks, &inaccessible).unwrap();
        let into: Vec<usize> = objective.latent.iter().map(|direction| direction.target).collect();
        assert!(into.iter().all(|target| inaccessible.contains(target)));
        assert!(objective.behaviour.iter().all(|direction| !inaccessible.contains(&direction.target)));
        let mut trained: Vec<_> = objective.trained().collect();
        trained.sort();
        assert_eq!(trained, all_directions(networks));
    }
    let refused =
        |method: Method, inaccessible: &[usize]| method.objective_without(2, inaccessible).unwrap_err().to_string();
    assert!(refused(Method::Clmas, &[]).contains("inaccessible"));
    assert!(refused(Method::Clmas, &[0, 1]).contains("accessible"));
    assert!(refused(Method::Clmas, &[2]).contains("network 2"));
    assert!(refused(Method::LatentStitching, &[0]).contains("last"));
    assert!(refused(Method::Mas, &[1]).contains("clmas"));
}
