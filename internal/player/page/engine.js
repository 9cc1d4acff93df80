// What gets a playlist's pictures into the video element: hls.js, or the browser
// itself where hls.js cannot work. Both tell the page the same things.

/* global Hls */

// The engines, by name; the page takes the first that can work.
export const engines = {
  hls: { works: () => globalThis.Hls?.isSupported() === true, can: canSource, open: openHls },
  native: { works: (video) => video.canPlayType("application/vnd.apple.mpegurl") !== "", can: () => true, open: openNative },
};

function canSource(codec) {
  const source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
  return ["video/mp4", "audio/mp4"].some((kind) => source.isTypeSupported(`${kind}; codecs="${codec}"`));
}

// A player of hls.js mends what it can: hiccups of the network and of decoders it
// mends itself; openHls sees to segments that are gone or broken, which it passes
// over. failed is told of the rest, with the codecs if these are the reason.
const mends = 3; // times that decoding is begun anew within mendTime
const mendTime = 20_000; // milliseconds

function openHls(video, url, { position, failed }) {
  // A live picture that has fallen behind catches up a little at a time.
  const hls = new Hls({ startPosition: position ?? -1, maxLiveSyncPlaybackRate: 1.1 });
  let details = null;
  let troubled = false;
  let changed = performance.now();
  let mended = [];

  hls.on(Hls.Events.LEVEL_UPDATED, (_, data) => {
    if (data.details.endSN !== details?.endSN) changed = performance.now();
    details = data.details;
    troubled = false;
  });
  hls.on(Hls.Events.ERROR, (_, data) => {
    troubled ||= data.type === Hls.ErrorTypes.NETWORK_ERROR;
    if (!data.fatal) return;
    const { BUFFER_INCOMPATIBLE_CODECS_ERROR, BUFFER_ADD_CODEC_ERROR, MANIFEST_INCOMPATIBLE_CODECS_ERROR } = Hls.ErrorDetails;
    if ([BUFFER_INCOMPATIBLE_CODECS_ERROR, BUFFER_ADD_CODEC_ERROR, MANIFEST_INCOMPATIBLE_CODECS_ERROR].includes(data.details)) {
      failed({ codecs: true, what: data.details });
    } else if (data.frag && passOver(data.frag)) {
      return;
    } else if (data.type === Hls.ErrorTypes.MEDIA_ERROR && mend()) {
      return;
    } else {
      failed({ what: data.details });
    }
  });
  hls.loadSource(url);
  hls.attachMedia(video);

  // passOver goes on behind a segment that cannot be had.
  function passOver(segment) {
    if (details === null || segment.end >= details.edge) return false;
    hls.stopLoad();
    if (video.currentTime < segment.end && video.currentTime > segment.start - 1) video.currentTime = segment.end + 0.05;
    hls.startLoad(segment.end + 0.05);
    return true;
  }

  function mend() {
    const now = performance.now();
    mended = mended.filter((at) => now - at < mendTime);
    if (mended.push(now) > mends) return false;
    hls.recoverMediaError();
    return true;
  }

  return {
    close() { hls.destroy(); },
    get live() { return details?.live ?? null; },
    get date() { return hls.playingDate; },
    get target() { return details?.targetduration ?? 0; },
    // silentFor is how long nothing was added to a live playlist, in milliseconds.
    get silentFor() { return details?.live ? performance.now() - changed : 0; },
    // troubled is whether the playlist could not be had since it was last read.
    get troubled() { return troubled; },
    get edge() { return hls.liveSyncPosition; },
    get sound() { return hls.audioTracks.length > 0 || hls.levels.some((level) => level.audioCodec); },
    get seekable() { return details && !details.live ? [0, details.edge] : null; },
    // dateAt is the time of day at a position of the video.
    dateAt(position) {
      const segment = details?.fragments.findLast((f) => f.programDateTime && f.start <= position);
      return segment ? new Date(segment.programDateTime + (position - segment.start) * 1000) : null;
    },
  };
}

function openNative(video, url, { position, failed }) {
  const ended = new AbortController();
  const began = performance.now();
  let moved = began;
  let end = 0;
  video.addEventListener("error", () => failed({ codecs: video.error?.code === 4, what: video.error?.message ?? "" }), { signal: ended.signal });
  video.addEventListener("loadedmetadata", () => { if (position) video.currentTime = position; }, { signal: ended.signal });
  video.src = url;

  const range = () => (video.seekable.length ? [video.seekable.start(0), video.seekable.end(video.seekable.length - 1)] : null);
  const live = () => (video.readyState === 0 ? null : video.duration === Infinity);
  const start = () => {
    const date = video.getStartDate?.();
    return date && !Number.isNaN(date.getTime()) ? date.getTime() : null;
  };
  const dateAt = (at) => (start() === null ? null : new Date(start() + at * 1000));
  return {
    close() {
      ended.abort();
      video.removeAttribute("src");
      video.load();
    },
    get live() { return live(); },
    get date() { return dateAt(video.currentTime); },
    get target() { return 2; },
    get silentFor() {
      if (range()?.[1] !== end) [end, moved] = [range()?.[1], performance.now()];
      return live() ? performance.now() - moved : 0;
    },
    get troubled() { return !navigator.onLine; },
    get edge() { return range() && range()[1] - 6; },
    get sound() { return (video.audioTracks?.length ?? video.webkitAudioDecodedByteCount ?? 0) > 0; },
    get seekable() { return live() === false ? range() : null; },
    dateAt,
  };
}
