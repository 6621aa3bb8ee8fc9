//! What was measured, beside the limit that it must keep.

/// The figures of one bench.
pub(super) struct Figures {
    title: String,
    figures: Vec<Figure>,
}

struct Figure {
    what: &'static str,
    measured: f64,
    unit: &'static str,
    limit: Limit,
}

/// What a figure must be.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// Anything: it is only shown.
    None,
    /// This, on any machine.
    Exactly(f64),
    /// No more than this, on any machine.
    AtMost(f64),
    /// No less than this, on any machine.
    AtLeast(f64),
    /// No more than this on a machine that is quick enough and has nothing else to do; passing it fails nothing.
    AtMostWhenIdle(f64),
    /// No less than this, likewise.
    AtLeastWhenIdle(f64),
}

impl Figures {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), figures: Vec::new() }
    }

    pub(super) fn add(&mut self, what: &'static str, measured: f64, unit: &'static str, limit: Limit) {
        self.figures.push(Figure { what, measured, unit, limit });
    }

    pub(super) fn print(&self) {
        println!("{}", self.title);
        for Figure { what, measured, unit, limit } in &self.figures {
            let kept = if limit.is_kept(*measured) { "" } else { "  PASSED" };
            println!("  {what:<44} {:>10} {unit:<4} {}{kept}", number(*measured), limit.text());
        }
    }

    /// The figures that fail the bench, in words.
    pub(super) fn passed_limits(&self) -> Vec<String> {
        let failing = |figure: &&Figure| {
            !matches!(figure.limit, Limit::AtMostWhenIdle(_) | Limit::AtLeastWhenIdle(_))
                && !figure.limit.is_kept(figure.measured)
        };
        let words = |figure: &Figure| {
            format!("{} {} {}, {}", figure.what, number(figure.measured), figure.unit, figure.limit.text())
        };
        self.figures.iter().filter(failing).map(words).collect()
    }
}

impl Limit {
    fn is_kept(self, measured: f64) -> bool {
        match self {
            Self::None => true,
            Self::Exactly(wanted) => measured == wanted,
            Self::AtMost(most) | Self::AtMostWhenIdle(most) => measured <= most,
            Self::AtLeast(least) | Self::AtLeastWhenIdle(least) => measured >= least,
        }
    }

    fn text(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Exactly(wanted) => format!("must be {}", number(wanted)),
            Self::AtMost(most) => format!("at most {}", number(most)),
            Self::AtLeast(least) => format!("at least {}", number(least)),
            Self::AtLeastWhenIdle(least) => format!("at least {} on an idle machine", number(least)),
            Self::AtMostWhenIdle(most) => format!("at most {} on an idle machine", number(most)),
        }
    }
}

/// The middle one of some measurements.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// Whole numbers as such, others with three digits after the point.
fn number(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number}") } else { format!("{number:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_limits_for_any_machine_fail() {
        let mut figures = Figures::new("a bench");
        figures.add("none", 9.0, "", Limit::None);
        figures.add("idle", 9.0, "s", Limit::AtMostWhenIdle(1.0));
        figures.add("kept", 1.0, "s", Limit::AtMost(1.0));
        figures.add("enough", 1.0, "", Limit::AtLeast(1.0));
        assert_eq!(figures.passed_limits(), [""; 0]);
        figures.add("most", 1.25, "s", Limit::AtMost(1.0));
        figures.add("exact", 2.0, "rows", Limit::Exactly(3.0));
        figures.add("least", 0.5, "", Limit::AtLeast(1.0));
        let passed = ["most 1.250 s, at most 1", "exact 2 rows, must be 3", "least 0.500 , at least 1"];
        assert_eq!(figures.passed_limits(), passed);
    }
}
