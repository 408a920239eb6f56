//! The stories of Hilum's users, one a file, told against the built program from outside: over MLLP, HTTP and its command line.
//!
//! `support` starts `hilum` on free ports over a directory of its own. No story sleeps, none needs anything beyond this
//! machine, and one that lacks something says `skipped: …` where it can be seen. `tests/README.md` lists the cases.
#![forbid(unsafe_code)]

mod support;

mod arrows;
mod licences;
