"""What a foreign proxy asks about, taken from the question (forward auth).

Three ways to ask, told apart by the path of the question alone, never by headers that a
visitor might have sent:

- `/-/forward-auth`: about `X-Forwarded-{Method,Proto,Host,Uri}` (Traefik, Caddy, nginx);
- `/-/forward-auth/original-url`: about `X-Original-{Method,URL}` (nginx-ingress);
- `/-/forward-auth/path/...`: about the path `/...` on the question's own Host, with its own
  method (a foreign Envoy). The prefix is the asker's, so no visitor chooses the way.

Our own paths are no question: they are proxied to us as they are. Anything else is refused.

`X-Forwarded-For` says in its last entry who is asking, and must. What is missing, doubled
or ambiguous is refused. A proxy that can pass on nothing but 401 and 403 (nginx) sends
`X-Vestibule-Redirects: 401`: then a redirect is answered as 401 with its `Location`.
Proxies that read one header of a name only find each `Set-Cookie` once more by a number, as
`X-Vestibule-Set-Cookie-1` and so on.
"""

from __future__ import annotations

from vestibule.compiler.envoy.shapes import Resource, http_filter

FILTER = "vestibule.asked"

SCRIPT = r"""
local QUESTION, ORIGINAL = "/-/forward-auth", "/-/forward-auth/original-url"
local PREFIX = "^/%-/forward%-auth/path(/.*)$"
local RESERVED = {"^/cdn%-cgi", "^/%.well%-known/cloudflare%-access%-protected%-resource"}

local function refuse(handle, why)
  handle:respond(
    {[":status"] = "403", ["content-type"] = "text/plain", ["cache-control"] = "no-store"},
    "Vestibule cannot tell what is being asked: " .. why .. "\n")
end

local function only(headers, name)
  if headers:getNumValues(name) == 1 then return headers:get(name) end
end

local function last_address(headers)
  local told = only(headers, "x-forwarded-for")
  local address = told and told:match("([^,%s]+)%s*$")
  return address and address:match("^[%x.:]+$")
end

local function is_ours(path)
  for _, reserved in ipairs(RESERVED) do
    if path:match(reserved) then return true end
  end
end

local function put(handle, method, scheme, host, path)
  if not (method and method:match("^%u+$")) then return refuse(handle, "its method") end
  if scheme ~= "http" and scheme ~= "https" then return refuse(handle, "its scheme") end
  if not (host and host:match("^[%w._:%[%]-]+$")) then return refuse(handle, "its host") end
  if not (path and path:match("^/")) then return refuse(handle, "its path") end
  if is_ours(path) then
    return refuse(handle, "this path is Vestibule's own and should be proxied to it")
  end
  local headers = handle:headers()
  headers:replace(":method", method)
  headers:replace(":authority", host)
  headers:replace(":path", path)
  headers:replace("x-forwarded-proto", scheme)
  handle:streamInfo():dynamicMetadata():set("vestibule", "asked", "yes")
  handle:clearRouteCache()
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if only(headers, "x-vestibule-redirects") == "401" then
    handle:streamInfo():dynamicMetadata():set("vestibule", "redirects", "401")
  end
  if not last_address(headers) then return refuse(handle, "the visitor's address") end
  local whole = headers:get(":path")
  local path, asked = whole:match("^[^?]*"), whole:match(PREFIX)
  if path == QUESTION then
    put(handle, only(headers, "x-forwarded-method"), only(headers, "x-forwarded-proto"),
      only(headers, "x-forwarded-host"), only(headers, "x-forwarded-uri"))
  elseif path == ORIGINAL then
    local scheme, host, rest = (only(headers, "x-original-url") or ""):match("^(%a+)://([^/?#]+)(.*)$")
    put(handle, only(headers, "x-original-method"), scheme, host, rest)
  elseif asked then
    put(handle, headers:get(":method"), only(headers, "x-forwarded-proto"),
      headers:get(":authority"), asked)
  elseif is_ours(path) then
    local scheme = only(headers, "x-forwarded-proto")
    if scheme ~= "http" and scheme ~= "https" then refuse(handle, "its scheme") end
  else
    refuse(handle, "questions are asked at " .. QUESTION)
  end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local told = handle:streamInfo():dynamicMetadata():get("vestibule")
  -- Of a yes alone: any other answer reaches the visitor, whose scripts may not read cookies.
  if told and told["asked"] == "yes" and headers:get(":status") == "200" then
    for index = 0, headers:getNumValues("set-cookie") - 1 do
      headers:add("x-vestibule-set-cookie-" .. index + 1, headers:getAtIndex("set-cookie", index))
    end
  end
  if not (told and told["redirects"] == "401") then return end
  local status = headers:get(":status")
  if status:match("^3") then
    headers:replace(":status", "401")
  elseif not status:match("^2") and status ~= "401" and status ~= "403" and status:match("^4") then
    headers:replace(":status", "403")
  end
end
"""


def asked_filter() -> Resource:
    """Return the filter that puts what is asked about in place of the question."""
    return http_filter(
        FILTER,
        "envoy.extensions.filters.http.lua.v3.Lua",
        default_source_code={"inline_string": SCRIPT},
    )
