//! What a record costs over how many keys there are, as a picture (SVG): keys on a logarithmic axis.

use std::fmt::Write;

/// A line of points: keys, and microseconds of CPU time for a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(u64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 240.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;
const COLORS: [&str; 6] = ["#1b6ca8", "#7fb2d9", "#c0392b", "#e59866", "#6c3483", "#bb8fce"];

/// Draws them; `None` if there is nothing to draw.
pub(super) fn svg(series: &[Series]) -> Option<String> {
    let points = || series.iter().flat_map(|series| &series.points);
    let fewest = points().map(|(keys, _)| *keys).min()?;
    let most = points().map(|(keys, _)| *keys).max()?;
    let axes = Axes {
        from: (fewest.max(1) as f64).log10(),
        to: (most.max(10) as f64).log10().max((fewest.max(1) as f64).log10() + 1.0),
        top: points().map(|(_, cost)| *cost).fold(1.0, f64::max).ceil(),
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"18\">CPU time for a record, in µs, over the number of keys</text>\n"
    );
    axes.draw(&mut svg);
    for (number, (line, color)) in series.iter().zip(COLORS.iter().cycle()).enumerate() {
        draw(line, color, number, &axes, &mut svg);
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// Powers of ten of keys from left to right, costs from 0 upwards.
struct Axes {
    from: f64,
    to: f64,
    top: f64,
}

impl Axes {
    fn x(&self, keys: f64) -> f64 {
        LEFT + (keys.log10() - self.from) / (self.to - self.from) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, cost: f64) -> f64 {
        HEIGHT - BOTTOM - cost / self.top * (HEIGHT - TOP - BOTTOM)
    }

    fn draw(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for fourth in 0..=4_u8 {
            let cost = self.top * f64::from(fourth) / 4.0;
            let y = self.y(cost);
            put(svg, format_args!("<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>"));
            let (x, y) = (LEFT - 8.0, y + 4.0);
            put(svg, format_args!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{cost:.1}</text>"));
        }
        let mut power = self.from.ceil();
        while power <= self.to {
            let (x, y) = (self.x(10_f64.powf(power)), bottom + 18.0);
            put(
                svg,
                format_args!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">10^{power:.0}</text>"),
            );
            power += 1.0;
        }
    }
}

fn draw(line: &Series, color: &str, number: usize, axes: &Axes, svg: &mut String) {
    let place = |(keys, cost): &(u64, f64)| (axes.x(*keys as f64), axes.y(*cost));
    let path: Vec<String> = line.points.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let path = path.join(" ");
    put(
        svg,
        format_args!("<polyline points=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"),
    );
    for (x, y) in line.points.iter().map(place) {
        put(svg, format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>"));
    }
    let (x, y) = (WIDTH - RIGHT + 16.0, TOP + 14.0 + 20.0 * number as f64);
    put(svg, format_args!("<text x=\"{x}\" y=\"{y}\" fill=\"{color}\">{}</text>", line.name));
}

fn put(svg: &mut String, element: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = writeln!(svg, "{element}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_where_their_keys_and_costs_say() {
        let line = Series { name: "ours".into(), points: vec![(10, 0.0), (100, 4.0), (1_000, 2.0)] };
        let svg = svg(&[line]).unwrap();
        assert!(svg.contains("points=\"60.0,350.0 270.0,30.0 480.0,190.0\""), "{svg}");
        assert!(svg.contains(">10^2<") && svg.contains(">4.0<") && svg.contains(">ours<"), "{svg}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(svg(&[]), None);
        assert_eq!(svg(&[Series { name: "x".into(), points: Vec::new() }]), None);
    }
}
