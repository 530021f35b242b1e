//! Writes the logs of a simulated firm, and the truth about them, into a folder.

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use sekisho_simulate::{Scenario, Settings, Source, World};

const USAGE: &str = "sekisho-simulate takeovers|scripted|peace|two-bases FOLDER [SEED [PEOPLE [DAYS]]]";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (scenario, folder) = match arguments.as_slice() {
        [scenario, folder, ..] => (scenario.as_str(), Path::new(folder)),
        _ => return Err(USAGE.into()),
    };
    let scenario = match scenario {
        "takeovers" => Scenario::Takeovers,
        "scripted" => Scenario::Scripted,
        "peace" => Scenario::Peace,
        "two-bases" => Scenario::TwoBases,
        other => return Err(format!("`{other}`, expected {USAGE}").into()),
    };
    let number = |place: usize, name: &str, otherwise: u64| match arguments.get(place) {
        Some(text) => text
            .parse()
            .map_err(|_| format!("{name} is `{text}`, expected a number")),
        None => Ok(otherwise),
    };
    let mut settings = Settings::usual(
        scenario,
        usize::try_from(number(3, "PEOPLE", 100)?)?,
        number(2, "SEED", 1)?,
    );
    let days = i64::try_from(number(4, "DAYS", settings.days.unsigned_abs())?)?;
    if settings.people == 0 || days < settings.first_attack_day() + 10 {
        let least = settings.first_attack_day() + 10;
        return Err(format!("expected at least 1 person and {least} days").into());
    }
    settings.days = days;
    write(&World::new(settings), folder)
}

fn write(world: &World, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder.join("geo"))?;
    fs::write(folder.join("people.csv"), &world.people_csv)?;
    fs::write(folder.join("networks.csv"), &world.networks_csv)?;
    fs::write(folder.join("truth.ndjson"), world.truth())?;
    let databases = &world.databases;
    fs::write(folder.join("geo/Truth.mmdb"), &databases.truth)?;
    fs::write(folder.join("geo/City.mmdb"), &databases.city)?;
    fs::write(folder.join("geo/ASN.mmdb"), &databases.asn)?;
    fs::write(folder.join("geo/Anonymous-IP.mmdb"), &databases.anonymous)?;
    for source in Source::ALL {
        let mut file = BufWriter::new(fs::File::create(folder.join(format!("{}.log", source.id())))?);
        for record in world.records.iter().filter(|record| record.source == source) {
            writeln!(file, "{}", record.line)?;
        }
        file.flush()?;
    }
    let mut arrivals = BufWriter::new(fs::File::create(folder.join("arrivals.csv"))?);
    writeln!(arrivals, "record,source,arrives_millis")?;
    for (place, record) in world.records.iter().enumerate() {
        writeln!(arrivals, "{place},{},{}", record.source.id(), record.arrives)?;
    }
    Ok(arrivals.flush()?)
}
