#![allow(clippy::print_stdout)]
use std::time::Instant;
use posture_catalog::{Catalog, ResourceNode, World};
use posture_engine::bench;
fn main() {
    let n: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(500);
    let catalog = Catalog::builtin().unwrap_or_else(|_| panic!());
    let (manifest, units) = bench::synthetic(&catalog, n).unwrap();
    let mut b = World::builder(manifest.scan.started_at);
    for u in &manifest.units { b = b.account(&u.key.account); for (k,l) in &u.listings { b.listing(&u.key.account,&u.key.region,k,l.gap.as_ref()); } }
    for (r, rs) in &units { for x in rs { if let Some(nn)=ResourceNode::new(x) { b.resource(nn, r);} } }
    let w = b.build();
    let mut rows = vec![];
    let (mut tj, mut tw, mut cnt) = (0.0, 0.0, 0u64);
    for c in catalog.checks() {
        let Some(k) = c.meta.resource.as_deref() else { continue };
        let rs = w.resources_of(k);
        let t = Instant::now();
        for r in &rs { std::hint::black_box(c.judge(&w, r)); }
        let j = t.elapsed().as_secs_f64();
        let t = Instant::now();
        for r in &rs { let _ = std::hint::black_box(c.word(&w, r)); }
        let wd = t.elapsed().as_secs_f64();
        tj += j; tw += wd; cnt += rs.len() as u64;
        rows.push((j*1e6, wd*1e6, format!("{} x{} {:.0}ns", c.meta.id, rs.len(), j / rs.len() as f64 * 1e9)));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("judge {:.0} ns avg, word {:.0} ns avg, {cnt}", tj / cnt as f64 * 1e9, tw / cnt as f64 * 1e9);
    for r in rows.iter().take(45) { println!("{:8.0} {:8.0} {}", r.0, r.1, r.2); }
    println!("median {:.0}", rows[rows.len()/2].0);
    for r in rows.iter().rev().take(25) { println!("{:8.0} {:8.0} {}", r.0, r.1, r.2); }
}
