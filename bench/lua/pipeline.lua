-- Sixteen requests at once on each connection.
function init(args)
   batch = string.rep(wrk.format(), 16)
end

function request()
   return batch
end
