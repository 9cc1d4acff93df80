// What is wrong with a session, in words. The server is asked for the playlist
// itself, because players tell little of why they failed.

const patience = 10_000; // milliseconds for an answer

// A failure has a state for the page, a title and a text for people, and retry,
// which says whether asking again later can help.
const expired = {
  state: "expired", retry: false, title: "This link has ended",
  text: "Links to a stream end by themselves. Make another one: millrace url player STREAM",
};
const lost = { state: "lost", retry: true, title: "Connection lost", text: "The server does not answer. Trying again." };

// ask fetches the playlist and returns { playlist }, or { failure }.
export async function ask(url) {
  let answer;
  try {
    answer = await fetch(url, { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(patience) });
    const body = await answer.text();
    if (answer.ok) return { playlist: body };
    return { failure: refusal(answer, body) };
  } catch {
    return { failure: lost };
  }
}

function refusal(answer, body) {
  const said = saying(body);
  switch (answer.status) {
    case 401:
    case 403:
      return /expire/i.test(said) ? expired : { ...expired, title: "This link is not valid", text: said || expired.text };
    case 400:
      return { ...expired, title: "This link is not valid", text: said };
    case 404:
      return { state: "gone", retry: true, title: "There is nothing to see", text: said || "The stream is gone, or nobody sends." };
    case 429:
      return { ...lost, title: "The server is busy", text: "Too many are asking. Trying again." };
  }
  return { ...lost, title: "The server is in trouble", text: (said && said + " ") + "Trying again." };
}

// saying is the message of the server's error, if it is one.
function saying(body) {
  try {
    const { message, Message } = JSON.parse(body);
    return String(message ?? Message ?? "");
  } catch {
    return "";
  }
}

const codecs = {
  hvc1: "H.265", hev1: "H.265", dvh1: "Dolby Vision", avc1: "H.264", avc3: "H.264", av01: "AV1", vp09: "VP9", vp08: "VP8",
  mp4a: "AAC", opus: "Opus", Opus: "Opus", fLaC: "FLAC", alaw: "G.711 A-law", ulaw: "G.711 µ-law",
};

// codecsOf lists, for each variant of a master playlist, the codecs that it names.
export function codecsOf(playlist) {
  return [...playlist.matchAll(/^#EXT-X-STREAM-INF:(.*)$/gm)].map(([, attributes]) => {
    const [, list] = /(?:^|,)CODECS="([^"]*)"/.exec(attributes) ?? [, ""];
    return list.split(",").map((id) => id.trim()).filter(Boolean);
  });
}

// unplayable says what a browser lacks that can play no variant, or returns null if
// there is one that it can.
export function unplayable(playlist, can) {
  const lacking = codecsOf(playlist).map((ids) => ids.filter((id) => !can(id)));
  return lacking.length && lacking.every((ids) => ids.length) ? unsupported(lacking.flat()) : null;
}

export function unsupported(ids) {
  const names = [...new Set(ids.map((id) => codecs[id.split(".")[0]] ?? id))].join(" and ") || "its codec";
  return {
    state: "unsupported", retry: false, title: `This browser cannot play ${names}`,
    text: `The stream itself is in order. Another browser may have a decoder for ${names}, and so have ffplay, mpv and VLC: give them what millrace url hls STREAM prints.`,
  };
}
