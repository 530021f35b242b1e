//! Refusing questions that could bring the engine down before it sees them.
//!
//! The engine walks over a question recursively, so that 20 kB of `1+1+…` overflow its stack. What is allowed here
//! is far below that and far above what people write.

use std::collections::VecDeque;

use datafusion::sql::parser::{DFParser, DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// Bytes of a question.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Words and signs of a question, blanks aside: a list of 5,000 values is two for each.
const TOKENS_MAX: usize = 12_000;

/// Operators of a question, and words that work like one: each makes the tree one level deeper at worst.
const OPERATORS_MAX: usize = 500;

/// Brackets within brackets.
const NESTING_MAX: usize = 50;

/// Tables of a question: the order of joins is looked for, which takes long.
const JOINS_MAX: usize = 20;

/// Why a question is not allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not SQL.
    #[error("the question is not SQL: {0}")]
    Syntax(String),
    /// It does something other than to ask.
    #[error("only questions are answered (SELECT, WITH, VALUES, SHOW, DESCRIBE and EXPLAIN); nothing is changed")]
    NotAQuestion,
    /// There is more than one statement, or none.
    #[error("expected one statement, found {0}")]
    Count(usize),
    /// It is too large.
    #[error("the question has {found} {what}, of which {max} are allowed")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many are allowed.
        max: usize,
    },
}

/// A statement that asks and is of a reasonable size.
#[derive(Debug)]
pub(super) struct Question(Statement);

impl Question {
    pub(super) fn into_statement(self) -> Statement {
        self.0
    }
}

/// Checks a question before the engine sees it.
pub(super) fn check(text: &str) -> Result<Question, Refused> {
    at_most("bytes", text.len(), TEXT_BYTES_MAX)?;
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize()
        .map_err(|error| Refused::Syntax(error.to_string()))?;
    measure(&tokens)?;
    let mut statements = parse(text)?;
    match (statements.len(), statements.pop_front()) {
        (1, Some(statement)) if asks(&statement) => Ok(Question(statement)),
        (1, Some(_)) => Err(Refused::NotAQuestion),
        (count, _) => Err(Refused::Count(count)),
    }
}

fn parse(text: &str) -> Result<VecDeque<Statement>, Refused> {
    DFParserBuilder::new(text)
        .with_recursion_limit(NESTING_MAX)
        .build()
        .and_then(|mut parser: DFParser<'_>| parser.parse_statements())
        .map_err(|error| Refused::Syntax(error.strip_backtrace().lines().next().unwrap_or_default().to_owned()))
}

fn measure(tokens: &[Token]) -> Result<(), Refused> {
    let (mut count, mut operators, mut joins, mut depth, mut deepest) = (0, 0, 0, 0_usize, 0);
    for token in tokens {
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) if word.quote_style.is_none() => {
                joins += usize::from(matches!(word.keyword, Keyword::JOIN | Keyword::FROM));
                operators += usize::from(works_like_an_operator(word.keyword));
            }
            Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Comma
            | Token::Period
            | Token::SemiColon
            | Token::EOF => {}
            _ => operators += 1,
        }
        count += 1;
    }
    at_most("words and signs", count, TOKENS_MAX)?;
    at_most("operators", operators, OPERATORS_MAX)?;
    at_most("levels of brackets", deepest, NESTING_MAX)?;
    at_most("tables", joins, JOINS_MAX)
}

fn works_like_an_operator(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::XOR
            | Keyword::IS
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::SELECT
            | Keyword::VALUES
            | Keyword::AT
            | Keyword::COLLATE
    )
}

fn at_most(what: &'static str, found: usize, max: usize) -> Result<(), Refused> {
    if found > max {
        Err(Refused::TooLarge { what, found, max })
    } else {
        Ok(())
    }
}

fn asks(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(statement) => match statement.as_ref() {
            ast::Statement::Query(query) => reads(query),
            ast::Statement::ShowTables { .. }
            | ast::Statement::ShowColumns { .. }
            | ast::Statement::ExplainTable { .. } => true,
            _ => false,
        },
        Statement::Explain(explain) => asks(&explain.statement),
        _ => false,
    }
}

fn reads(query: &ast::Query) -> bool {
    query.with.as_ref().is_none_or(|with| !with.recursive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_let_through() {
        for text in [
            "SELECT 1",
            "select user_name, count(*) from events where date >= date '2026-10-01' group by 1 order by 2 desc limit 10;",
            "WITH a AS (SELECT 1 AS x) SELECT * FROM a",
            "VALUES (1), (2)",
            "SHOW TABLES",
            "SHOW COLUMNS FROM events",
            "DESCRIBE events",
            "EXPLAIN ANALYZE SELECT * FROM events",
        ] {
            assert!(check(text).is_ok(), "{text}: {:?}", check(text));
        }
        let list: Vec<_> = (0..5000).map(|number| format!("'{number}'")).collect();
        assert!(check(&format!("SELECT * FROM events WHERE user_name IN ({})", list.join(","))).is_ok());
    }

    #[test]
    fn what_changes_something_is_refused() {
        for text in [
            "CREATE TABLE t (x INT)",
            "CREATE TABLE t AS SELECT 1",
            "CREATE VIEW v AS SELECT 1",
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
            "DROP TABLE events",
            "INSERT INTO events VALUES (1)",
            "UPDATE events SET user_name = ''",
            "DELETE FROM events",
            "COPY (SELECT 1) TO 'out.csv'",
            "COPY events TO 'out.parquet'",
            "EXPLAIN COPY (SELECT 1) TO 'out.csv'",
            "EXPLAIN ANALYZE INSERT INTO events VALUES (1)",
            "SET datafusion.execution.batch_size = 1",
            "RESET datafusion.execution.batch_size",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "BEGIN",
            "TRUNCATE TABLE events",
            "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM a) SELECT * FROM a",
        ] {
            assert_eq!(check(text).unwrap_err(), Refused::NotAQuestion, "{text}");
        }
    }

    #[test]
    fn what_is_no_statement_or_several_is_refused() {
        assert_eq!(check("").unwrap_err(), Refused::Count(0));
        assert_eq!(check(";").unwrap_err(), Refused::Count(0));
        assert_eq!(check("SELECT 1; SELECT 2").unwrap_err(), Refused::Count(2));
        assert!(matches!(check("SELEC 1").unwrap_err(), Refused::Syntax(_)));
        assert!(matches!(check("SELECT '").unwrap_err(), Refused::Syntax(_)));
    }

    #[test]
    fn what_would_overflow_a_stack_is_refused_on_a_small_one() {
        let questions = [
            format!("SELECT {}", vec!["1"; 10_000].join("+")),
            format!("SELECT {}", vec!["true"; 5_000].join(" and ")),
            format!("SELECT {}1", "-".repeat(2).replace("--", "- ").repeat(5_000)),
            vec!["SELECT 1"; 5_000].join(" UNION ALL "),
            format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000)),
            format!("SELECT {}1{}", "abs(".repeat(60), ")".repeat(60)),
            format!(
                "SELECT * FROM events a0{}",
                ", events a".repeat(10) + &" JOIN events ON true".repeat(21)
            ),
            format!("SELECT '{}'", "x".repeat(TEXT_BYTES_MAX)),
            format!("SELECT {}", vec!["1"; 7_000].join(",")),
            format!("SELECT 1{}", "::int".repeat(5_000)),
            format!(
                "SELECT {}1 {}",
                "CASE WHEN true THEN ".repeat(2_000),
                "END ".repeat(2_000)
            ),
        ];
        for text in questions {
            let refused = std::thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn(move || check(&text).map(drop));
            assert!(matches!(
                refused.unwrap().join().unwrap(),
                Err(Refused::TooLarge { .. } | Refused::Syntax(_))
            ));
        }
    }
}
