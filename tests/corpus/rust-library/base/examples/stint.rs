//! Tries the library out: `stint show 90m`, `stint add 1h 30m`, `stint clock 90m`.

use stint::{clock, Stint};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, texts)) = words.split_first() else {
        eprintln!("usage: stint show|add|clock TEXT...");
        std::process::exit(2);
    };
    match run(command, texts) {
        Ok(line) => println!("{line}"),
        Err(why) => {
            eprintln!("stint: {why}");
            std::process::exit(1);
        }
    }
}

fn run(command: &str, texts: &[String]) -> Result<String, String> {
    let stints = texts.iter().map(|text| text.parse::<Stint>().map_err(|why| why.to_string()));
    let stints = stints.collect::<Result<Vec<_>, _>>()?;
    let sum = stints.iter().try_fold(Stint::default(), |sum, stint| sum.checked_add(*stint));
    let sum = sum.ok_or("it is too long")?;
    match command {
        "show" | "add" => Ok(sum.to_string()),
        "clock" => Ok(clock(sum)),
        _ => Err(format!("no such command: {command}")),
    }
}
