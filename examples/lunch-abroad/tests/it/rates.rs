//! The rates of a file.

use expect_test::expect;
use headwater_lunch_abroad::rates::{Published, history, parse};

fn lines(published: &[Published]) -> String {
    let lines = published.iter().map(|Published { currency, rate, at }| {
        let pounds = rate.as_ref().map_or("~".to_owned(), |rate| format!("{:.4}", rate.pounds));
        format!("{currency} {pounds} @{at}\n")
    });
    lines.collect()
}

#[test]
fn rates_come_in_the_order_of_their_days_in_pounds_and_with_a_tombstone_where_they_end() {
    let file =
        "Date,HRK,GBP,USD,\n2023-01-02,N/A,0.8,1.6,\n2022-12-31,N/A,0.8,1,\n2022-12-30,7.5,0.75,N/A,\n";
    expect![[r#"
        EUR 0.7500 @1672412400000
        HRK 0.1000 @1672412400000
        EUR 0.8000 @1672498800000
        HRK ~ @1672498800000
        USD 0.8000 @1672498800000
        EUR 0.8000 @1672671600000
        USD 0.5000 @1672671600000
    "#]]
    .assert_eq(&lines(&parse(file.as_bytes()).unwrap()));
}

#[test]
fn what_is_no_rate_is_refused() {
    let problem = |file: &str| parse(file.as_bytes()).unwrap_err().to_string();
    expect!["the table of exchange rates is damaged: it has no column GBP"].assert_eq(&problem("Date,USD\n"));
    expect![[r#"the table of exchange rates is damaged: "soon" is neither a number nor N/A"#]]
        .assert_eq(&problem("Date,GBP,USD\n2023-01-02,0.8,soon\n"));
    expect!["the table of exchange rates is damaged: 2023-01-02 has no rate of GBP"]
        .assert_eq(&problem("Date,GBP\n2023-01-02,N/A\n"));
}

#[test]
fn the_history_is_whole() {
    let history = history().unwrap();
    let days = history.iter().filter(|published| published.currency == "EUR").count();
    assert_eq!(days, 7_126);
    assert!(history.is_sorted_by_key(|published| published.at));
}
