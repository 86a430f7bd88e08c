-- Sends the bytes of a file, as they are, and ends with one line that begins with RESULT.
--   wrk … -s load.lua URL -- FILE
local bytes

function init(args)
  local file = assert(io.open(args[1], 'rb'))
  bytes = file:read('*a')
  file:close()
end

function request()
  return bytes
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"bytes":%d,"failures":%d,"p50_us":%.1f,"p99_us":%.1f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
