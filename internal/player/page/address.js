// What the page plays stands behind the # of its address: the path of a session's
// playlist on this very server, with the session's token, and if it is known the
// name of the stream. Everything else is refused: the page shows nobody else's
// pictures, and asks nobody else for them.

const playlist = /^\/hls\/v1\/[A-Za-z0-9_]+\.m3u8$/;

// readAddress returns the address that is to be played and the stream's name, or
// null if there is none that may be. page is the page's own location.
export function readAddress(fragment, page) {
  const text = fragment.replace(/^#/, "");
  if (!text) return null;
  let url;
  try {
    url = new URL(text, page.href);
  } catch {
    return null;
  }
  const mount = page.pathname.slice(0, page.pathname.lastIndexOf("/player"));
  if (url.origin !== page.origin || url.username || url.password || !url.pathname.startsWith(mount)) return null;
  if (!playlist.test(url.pathname.slice(mount.length))) return null;
  const name = (url.searchParams.get("stream") ?? "").slice(0, 256);
  url.search = url.search.replace(/([?&])stream=[^&]*&?/g, "$1").replace(/[?&]$/, "");
  url.hash = "";
  return { url: url.href, name };
}
