// What the page does that browser.js serves: it keeps the SDK and a client of
// each kind where the tests find them. esbuild makes one file of it.
import * as kv from "@aws-sdk/client-kinesis-video";
import * as archive from "@aws-sdk/client-kinesis-video-archived-media";
import * as media from "@aws-sdk/client-kinesis-video-media";
import { Fragments } from "./fragments.js";

// connect says which server to speak to, and with which key.
export function connect(settings) {
  const control = new kv.KinesisVideoClient(settings);
  const reader = new media.KinesisVideoMediaClient(settings);
  const archived = new archive.KinesisVideoArchivedMediaClient(settings);
  const told = (error, of) => ({ error: {
    name: error.name, message: error.message, metadata: error.$metadata,
    typed: of[error.name] !== undefined && error instanceof of[error.name],
  } });
  return {
    // archived runs an operation on archived media; of one that gives media it
    // tells which fragments came, and how many bytes.
    async archived(name, input) {
      try {
        const { Payload, ...output } = await archived.send(new archive[name + "Command"](input));
        const fragments = new Fragments();
        if (Payload) {
          for (const chunks = Payload.getReader(); ;) {
            const { done, value } = await chunks.read();
            if (done) break;
            fragments.add(value);
          }
        }
        return { output, ...fragments };
      } catch (error) {
        return told(error, archive);
      }
    },

    // pages runs the paginator of ListFragments.
    async pages(pageSize, input) {
      const sizes = [];
      const numbers = [];
      for await (const page of archive.paginateListFragments({ client: archived, pageSize }, input)) {
        sizes.push(page.Fragments.length);
        numbers.push(...page.Fragments.map((f) => f.FragmentNumber));
      }
      return { sizes, numbers };
    },

    // call runs an operation and tells what a page can see of its answer.
    async call(name, input) {
      try {
        return { output: await control.send(new kv[name + "Command"](input)) };
      } catch (error) {
        return told(error, kv);
      }
    },

    // read reads media to the end and tells which fragments came, and when.
    async read(input) {
      try {
        const { Payload, ContentType } = await reader.send(new media.GetMediaCommand(input));
        const fragments = new Fragments();
        for (const chunks = Payload.getReader(); ;) {
          const { done, value } = await chunks.read();
          if (done) return { ContentType, ...fragments };
          fragments.add(value);
        }
      } catch (error) {
        return told(error, media);
      }
    },
  };
}

// headers tells which headers of an answer a script of this page may see.
export async function headers(url, init) {
  const response = await fetch(url, init);
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}
