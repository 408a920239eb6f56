//! What Redis does itself, so that what changes is of the index that is believed in, and a change of many blocks costs one call for each hash that has some.
//!
//! Every script looks first whether this is the index that the worker believes it to be: of this log, under its lease, after
//! exactly its last write. A replica that took over without the last writes, a flush, another worker: all differ in that.
//! All are safe to repeat: a slot is given once to an id, a block holds a slot once.

/// The most members of a block that are kept; the script says the same.
pub const MEMBERS_MAX: usize = 2_048;

/// Slots of one hash of registrations; the scripts say the same.
pub const SLOTS_EACH: u32 = 32;

/// The first three arguments are epoch, lease and count of writes; the fourth is the prefix of all keys. `KEYS[1]` is the
/// sentinel, the one key that Redis Cluster routes by.
const GUARD: &str = r"
local P = ARGV[4]
local is = redis.call('HMGET', KEYS[1], 'epoch', 'lease', 'writes')
if is[1] ~= ARGV[1] then return redis.error_reply('WARMING the index is empty, or of another log') end
if is[2] ~= ARGV[2] then
  if tonumber(is[2]) > tonumber(ARGV[2]) then return redis.error_reply('OUTPACED another worker has the index') end
  return redis.error_reply('WARMING the index is older than the lease')
end
if is[3] ~= ARGV[3] then return redis.error_reply('WARMING the index lacks the last writes') end
local function record_of(slot)
  local n = struct.unpack('>I4', slot)
  return P .. 'r' .. math.floor(n / 32), n % 32
end
local function hash_of(of, packed, at) return P .. of .. struct.unpack('>I4', packed, at) end
";

const CHECK: &str = "return redis.call('HGET', KEYS[1], 'size')";

/// 5: hashes of ids. Gives a sealed registration or nil for each.
const GET: &str = r"
local ids, out = ARGV[5], {}
for at = 1, #ids, 10 do
  local slot = redis.call('HGET', hash_of('i', ids, at), string.sub(ids, at + 4, at + 9))
  out[#out + 1] = slot and redis.call('HGET', record_of(slot)) or false
end
return out
";

/// 5: hashes of ids. Gives for each its slot, which it keeps from then on, and with it what is there under seal.
const SLOTS: &str = r"
local ids, out = ARGV[5], {}
for at = 1, #ids, 10 do
  local hash, field = hash_of('i', ids, at), string.sub(ids, at + 4, at + 9)
  local slot = redis.call('HGET', hash, field)
  local sealed = slot and redis.call('HGET', record_of(slot)) or ''
  if not slot then
    slot = struct.pack('>I4', redis.call('HINCRBY', KEYS[1], 'slots', 1) - 1)
    redis.call('HSET', hash, field, slot)
  end
  out[#out + 1] = slot .. sealed
end
redis.call('HINCRBY', KEYS[1], 'writes', 1)
return out
";

/// From 5 on three for each block, those of one hash after each other: its key, slots that leave it, slots that enter it.
///
/// A block lies in its hash while it has at most 15 members, so that the hash stays packed; then under a key of its own, and
/// its field is empty; with more than 2048 it is full for good, and its members are forgotten: nobody looks into such a block.
const BLOCKS: &str = r"
local function find(slots, slot)
  local at = string.find(slots, slot, 1, true)
  while at and at % 4 ~= 1 do at = string.find(slots, slot, at + 1, true) end
  return at
end
local function changed(slots, leave, enter)
  for from = 1, #leave, 4 do
    local at = find(slots, string.sub(leave, from, from + 3))
    if at then slots = string.sub(slots, 1, at - 1) .. string.sub(slots, at + 4) end
  end
  for from = 1, #enter, 4 do
    local slot = string.sub(enter, from, from + 3)
    if not find(slots, slot) then slots = slots .. slot end
  end
  return slots
end
local function field_of(had, key, leave, enter)
  if had == '*' then return had end
  local long = P .. 'B' .. key
  local slots = changed(had == '' and redis.call('GET', long) or had or '', leave, enter)
  if #slots > 4 * 15 and #slots <= 4 * 2048 then
    redis.call('SET', long, slots)
    return ''
  end
  if had == '' then redis.call('DEL', long) end
  if #slots > 4 * 2048 then return '*' end
  if #slots > 0 then return slots end
end
local function change(first, last)
  local hash, fields, set, gone = hash_of('b', ARGV[first], 1), {}, {}, {}
  for at = first, last, 3 do fields[#fields + 1] = string.sub(ARGV[at], 5) end
  local had = redis.call('HMGET', hash, unpack(fields))
  for n, field in ipairs(fields) do
    local at = first + 3 * (n - 1)
    local is = field_of(had[n], ARGV[at], ARGV[at + 1], ARGV[at + 2])
    if not is then
      gone[#gone + 1] = field
    elseif is ~= had[n] then
      set[#set + 1] = field
      set[#set + 1] = is
    end
  end
  if #set > 0 then redis.call('HSET', hash, unpack(set)) end
  if #gone > 0 then redis.call('HDEL', hash, unpack(gone)) end
end
local first = 5
while first <= #ARGV do
  local hash, last = string.sub(ARGV[first], 1, 4), first
  while last + 3 <= #ARGV and string.sub(ARGV[last + 3], 1, 4) == hash do last = last + 3 end
  change(first, last)
  first = last + 3
end
redis.call('HINCRBY', KEYS[1], 'writes', 1)
return 1
";

/// From 5 on three for each: slot, hash of the id, registration under seal (empty: it goes).
const RECORDS: &str = r"
local more = 0
for at = 5, #ARGV, 3 do
  local slot, id, sealed = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local hash, field = record_of(slot)
  if sealed ~= '' then
    more = more + redis.call('HSET', hash, field, sealed)
  else
    more = more - redis.call('HDEL', hash, field)
    redis.call('HDEL', hash_of('i', id, 1), string.sub(id, 5))
  end
end
redis.call('HINCRBY', KEYS[1], 'size', more)
redis.call('HINCRBY', KEYS[1], 'writes', 1)
return 1
";

/// 5: the position up to which the index is whole.
const WHOLE: &str = r"
redis.call('HSET', KEYS[1], 'whole', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'writes', 1)
return 1
";

/// Takes the index over: 1 epoch, 2 lease. Gives writes, whole, buckets, size; the second is nil where all is to be made anew.
/// The count of writes leaps, so that a replica that was promoted and the one that it replaced never count alike.
const BEGIN: &str = r"
local is = redis.call('HMGET', KEYS[1], 'epoch', 'lease', 'writes', 'whole', 'buckets', 'size')
if is[2] and tonumber(is[2]) > tonumber(ARGV[2]) then
  return redis.error_reply('OUTPACED another worker has the index')
end
redis.call('HSET', KEYS[1], 'lease', ARGV[2])
if is[1] ~= ARGV[1] or not is[4] then return { '0', false, '1', '0' } end
is[3] = tostring(redis.call('HINCRBY', KEYS[1], 'writes', 1000000))
return { is[3], is[4], is[5], is[6] }
";

/// Takes keys away before all is made anew, and says first that what is left is nothing: 1 lease; `KEYS` from the second on.
const CLEAR: &str = r"
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then return redis.error_reply('OUTPACED another worker has the index') end
redis.call('HDEL', KEYS[1], 'epoch', 'whole')
for at = 2, #KEYS do redis.call('UNLINK', KEYS[at]) end
return 1
";

/// Says that the index is empty and of this log: 1 epoch, 2 lease, 3 buckets.
const OPEN: &str = r"
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[2] then return redis.error_reply('OUTPACED another worker has the index') end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'lease', ARGV[2], 'writes', 0, 'slots', 0, 'size', 0, 'buckets', ARGV[3])
return 1
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    Check,
    Get,
    Slots,
    Blocks,
    Records,
    Whole,
    Begin,
    Clear,
    Open,
}

impl Script {
    pub const ALL: [Script; 9] = [
        Script::Check,
        Script::Get,
        Script::Slots,
        Script::Blocks,
        Script::Records,
        Script::Whole,
        Script::Begin,
        Script::Clear,
        Script::Open,
    ];

    pub fn text(self) -> String {
        match self {
            Script::Check => [GUARD, CHECK].concat(),
            Script::Get => [GUARD, GET].concat(),
            Script::Slots => [GUARD, SLOTS].concat(),
            Script::Blocks => [GUARD, BLOCKS].concat(),
            Script::Records => [GUARD, RECORDS].concat(),
            Script::Whole => [GUARD, WHOLE].concat(),
            Script::Begin => BEGIN.to_owned(),
            Script::Clear => CLEAR.to_owned(),
            Script::Open => OPEN.to_owned(),
        }
    }
}
