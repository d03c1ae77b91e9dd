//! How things went: score, coverage and failing verdicts over earlier reports, as a drawing and in figures.

use std::io;

use super::day_of;
use super::markup::{Page, put};
use super::overview::share;
use crate::format::Earlier;
use crate::text::{number, percent};
use crate::v1::{Head, Severity};

/// The drawing's measures, in its own units.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 930.0;
/// Score and coverage.
const TOP: f64 = 26.0;
const MIDDLE: f64 = 136.0;
/// Failing verdicts.
const UPPER: f64 = 180.0;
const BOTTOM: f64 = 256.0;
/// Dates closer together than this would run into each other.
const DATE_ROOM: f64 = 90.0;
const COLUMN: f64 = 22.0;

pub(super) fn write(head: &Head, earlier: &[Earlier], page: &mut Page<'_>) -> io::Result<()> {
    let points = in_time(head, earlier);
    if points.len() < 2 {
        return Ok(());
    }
    let drawing = Drawing::of(&points);
    put!(page; "<h2>Trend</h2>\n<figure class=\"panel trend\"><svg viewBox=\"0 0 960 282\" role=\"img\" aria-label=\"Score, coverage and failing verdicts over "
        (number(points.len() as u64)) " reports; the figures are below\">\n");
    drawing.axis(page)?;
    drawing.columns(&points, page)?;
    drawing.line("coverage", |point| point.coverage, &points, page)?;
    drawing.line("score", |point| point.score, &points, page)?;
    drawing.dates(&points, page)?;
    put!(page; "</svg>\n<figcaption><span class=\"key score\">score</span> <span class=\"key coverage\">coverage</span> "
    );
    for severity in Severity::ALL {
        put!(page; "<span class=\"key " (severity.as_str()) "\">" (severity.as_str()) "</span> ");
    }
    put!(page; "</figcaption>\n");
    figures(&points, page)?;
    put!(page; "</figure>\n");
    Ok(())
}

/// All reports, this one too, the oldest first; of several of one moment the first counts.
fn in_time(head: &Head, earlier: &[Earlier]) -> Vec<Earlier> {
    let mut points = vec![Earlier::from(head)];
    points.extend(earlier.iter().cloned());
    // A stable sort: this report stays before another of the same moment.
    points.sort_by_key(|point| point.started_at);
    points.dedup_by_key(|point| point.started_at);
    points
}

fn failing(point: &Earlier) -> u64 {
    Severity::ALL
        .iter()
        .map(|severity| point.by_severity.get(*severity))
        .sum()
}

struct Drawing {
    start: i64,
    span: f64,
    /// The lowest percentage drawn, a multiple of ten.
    floor: f64,
    most: u64,
}

impl Drawing {
    fn of(points: &[Earlier]) -> Self {
        let moments = || points.iter().map(|point| point.started_at.unix());
        let start = moments().min().unwrap_or_default();
        let end = moments().max().unwrap_or_default();
        let lowest = points
            .iter()
            .flat_map(|point| [point.score, point.coverage])
            .flatten()
            .fold(100.0, f64::min);
        Self {
            start,
            span: seconds(end - start).max(1.0),
            floor: ((lowest - 5.0) / 10.0).floor().clamp(0.0, 9.0) * 10.0,
            most: points.iter().map(failing).max().unwrap_or_default(),
        }
    }

    fn x(&self, point: &Earlier) -> f64 {
        // Columns stand on both sides of their moment, so the first and the last need room.
        let room = RIGHT - LEFT - 2.0 * COLUMN;
        LEFT + COLUMN + room * seconds(point.started_at.unix() - self.start) / self.span
    }

    fn y(&self, percent: f64) -> f64 {
        MIDDLE - (MIDDLE - TOP) * (percent - self.floor) / (100.0 - self.floor)
    }

    fn axis(&self, page: &mut Page<'_>) -> io::Result<()> {
        for percent in [self.floor, (self.floor + 100.0) / 2.0, 100.0] {
            let y = self.y(percent);
            put!(page; "<line class=\"grid\" x1=\"" (LEFT) "\" x2=\"" (RIGHT) "\" y1=\"" (format!("{y:.1}")) "\" y2=\""
                (format!("{y:.1}")) "\"/><text class=\"r\" x=\"" (LEFT - 8.0) "\" y=\"" (format!("{:.1}", y + 4.0))
                "\">" (percent) "</text>\n");
        }
        put!(page; "<text x=\"" (LEFT) "\" y=\"12\">Score and coverage, percent</text><text x=\"" (LEFT) "\" y=\"" (UPPER - 8.0)
            "\">Failing verdicts</text>\n<line class=\"grid\" x1=\"" (LEFT) "\" x2=\"" (RIGHT) "\" y1=\"" (BOTTOM) "\" y2=\"" (BOTTOM)
            "\"/><text class=\"r\" x=\"" (LEFT - 8.0) "\" y=\"" (UPPER + 6.0) "\">" (number(self.most)) "</text>\n");
        Ok(())
    }

    fn line(
        &self,
        class: &'static str,
        value: impl Fn(&Earlier) -> Option<f64>,
        points: &[Earlier],
        page: &mut Page<'_>,
    ) -> io::Result<()> {
        // A report without a value breaks the line: nothing is drawn where nothing is known.
        for run in points.split(|point| value(point).is_none()) {
            let path: Vec<String> = run
                .iter()
                .filter_map(|point| {
                    Some(format!("{:.1},{:.1}", self.x(point), self.y(value(point)?)))
                })
                .collect();
            put!(page; "<polyline class=\"line " (class) "\" points=\"" (path.join(" ")) "\"/>");
        }
        for point in points {
            if let Some(percent) = value(point) {
                put!(page; "<circle class=\"dot " (class) "\" r=\"3.5\" cx=\"" (format!("{:.1}", self.x(point))) "\" cy=\""
                    (format!("{:.1}", self.y(percent))) "\"/>");
            }
        }
        put!(page; "\n");
        Ok(())
    }

    fn columns(&self, points: &[Earlier], page: &mut Page<'_>) -> io::Result<()> {
        let width = COLUMN
            .min((RIGHT - LEFT) / seconds(points.len() as i64) * 0.6)
            .max(2.0);
        for point in points {
            let mut foot = BOTTOM;
            // The worst at the bottom, where columns can be compared.
            for severity in Severity::ALL {
                let height = share(point.by_severity.get(severity), self.most) * (BOTTOM - UPPER);
                foot -= height;
                put!(page; "<rect class=\"" (severity.as_str()) "\" x=\"" (format!("{:.1}", self.x(point) - width / 2.0))
                    "\" y=\"" (format!("{foot:.1}")) "\" width=\"" (format!("{width:.1}")) "\" height=\""
                    (format!("{height:.1}")) "\"/>");
            }
        }
        put!(page; "\n");
        Ok(())
    }

    fn dates(&self, points: &[Earlier], page: &mut Page<'_>) -> io::Result<()> {
        let mut last = f64::NEG_INFINITY;
        // From the present backwards: the latest is the one that must be named.
        let mut named: Vec<&Earlier> = Vec::new();
        for point in points.iter().rev() {
            let x = self.x(point);
            if named.is_empty() || last - x >= DATE_ROOM {
                named.push(point);
                last = x;
            }
        }
        for point in named {
            let x = self.x(point).clamp(LEFT, WIDTH - 40.0);
            put!(page; "<text class=\"m\" x=\"" (format!("{x:.1}")) "\" y=\"" (BOTTOM + 18.0) "\">" (day_of(&point.started_at))
                "</text>");
        }
        put!(page; "\n");
        Ok(())
    }
}

fn seconds(seconds: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a distance to be drawn")]
    let seconds = seconds as f64;
    seconds
}

fn figures(points: &[Earlier], page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<details><summary>Figures</summary><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Report</th>"
        "<th scope=\"col\" class=\"r\">Score</th><th scope=\"col\" class=\"r\">Coverage</th>");
    for severity in Severity::ALL {
        put!(page; "<th scope=\"col\" class=\"r\">" (severity.as_str()) "</th>");
    }
    put!(page; "</tr></thead><tbody>\n");
    for point in points.iter().rev() {
        put!(page; "<tr><th scope=\"row\">" (crate::table::moment(&point.started_at.to_string())) "</th><td class=\"r\">"
            (percent(point.score)) "</td><td class=\"r\">" (percent(point.coverage)) "</td>");
        for severity in Severity::ALL {
            put!(page; "<td class=\"r\">" (number(point.by_severity.get(severity))) "</td>");
        }
        put!(page; "</tr>\n");
    }
    put!(page; "</tbody></table></div></details>\n");
    Ok(())
}
