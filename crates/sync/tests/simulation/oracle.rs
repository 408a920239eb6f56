//! What must never be seen, whatever happens; the numbers are those of the invariants.

use sync::engine::{NOTED_MAX, OPEN_MAX, Sender};

use crate::peer::{Class, Peer, Put};
use crate::world::World;

/// The node at which a key is at home.
pub fn home_of(key: &str) -> usize {
    let (node, _) = key[1..].split_once(':').expect("keys say where they are at home");
    node.parse().expect("a number")
}

/// 1 and 2: what the cursor on disk has passed is at the peer, or in a note on disk.
pub fn nothing_is_passed(world: &World, node: usize, line: usize) -> Result<(), String> {
    let from = &world.nodes[node];
    let line = &from.lines[line];
    if world.restored[line.to] {
        return Ok(());
    }
    for (key, place) in &from.newest {
        let entry = &from.log[*place];
        let passed = line.cursor > *place as u64;
        let is_there = world.peers[line.to].holds.get(key).is_some_and(|held| held.version >= entry.version);
        if entry.home == node && passed && !is_there && !line.notes.contains_key(key) {
            return Err(format!("{key} version {} is passed by {node}'s cursor and not at {}", entry.version, line.to));
        }
    }
    Ok(())
}

/// 6: nothing comes home.
pub fn no_echo(put: &Put, to: usize) -> Result<(), String> {
    match home_of(&put.key) == to {
        true => Err(format!("{} is echoed to its home", put.key)),
        false => Ok(()),
    }
}

/// 4 and 9: versions at a replica only go on, so that what is deleted stays deleted; 3: one key, one replica.
pub fn only_forward(peer: &Peer, key: &str) -> Result<(), String> {
    let versions = peer.went_through.get(key).map_or(&[][..], Vec::as_slice);
    let goes_back = versions.windows(2).any(|pair| match peer.class {
        Class::Hilum => pair[0].version >= pair[1].version,
        Class::Stock => pair[0].version > pair[1].version,
    });
    if goes_back { Err(format!("{key} goes back: {versions:?}")) } else { Ok(()) }
}

/// 8: memory is bounded whatever the backlog.
pub fn memory_is_bounded(sender: &Sender) -> Result<(), String> {
    let standing = sender.standing();
    match standing.open <= OPEN_MAX && standing.parked + standing.late <= NOTED_MAX {
        true => Ok(()),
        false => Err(format!("too much is kept: {standing:?}")),
    }
}

/// 5 and 10: with the faults off every peer holds the newest of everything, but for what is parked, and for what is poison to it.
pub fn all_is_there(world: &World, with_poison: bool) -> Result<(), String> {
    for (at, from) in world.nodes.iter().enumerate() {
        for line in &from.lines {
            let peer = &world.peers[line.to];
            let home_here = from.newest.iter().filter(|(_, place)| from.log[**place].home == at);
            for (key, place) in home_here {
                let entry = &from.log[*place];
                let held = peer.holds.get(key);
                let is_same = held.is_some_and(|held| held.version == entry.version && held.digest == entry.digest);
                let is_poison = peer.poison.is_some_and(|(end, _)| key.ends_with(end));
                let note = line.notes.get(key);
                // A liar may have refused three times what it takes.
                let is_parked = note.is_some_and(|note| note.parked);
                let is_known = is_parked || (is_poison && (note.is_some() || line.cursor <= *place as u64));
                if with_poison && !is_same && is_known {
                    continue;
                }
                if !is_same {
                    return Err(format!("{key} is {entry:?} at {at} and {held:?} at {}", line.to));
                }
            }
            let standing = line.sender.standing();
            if !with_poison && (standing.open > 0 || standing.parked > 0 || standing.late > 0 || !line.notes.is_empty())
            {
                return Err(format!("{at} does not come to rest with {}: {standing:?}", line.to));
            }
        }
    }
    Ok(())
}
