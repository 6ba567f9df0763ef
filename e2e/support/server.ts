// A real `bilten` of its own for each worker: on a free port, with an empty folder or database.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const binary = resolve(process.env.BILTEN_BIN ?? "../target/debug/bilten");

export type Engine = "sqlite" | "postgres";
export interface Options {
  engine: Engine;
}

export interface Tier {
  id: string;
  name: string;
}
export interface Event {
  id: string;
  slug: string;
  version: number;
  tiers: Tier[];
}

/** Parts of an event that a test wants to be other than usual. */
export type Wish = Record<string, unknown>;

const inDays = (days: number, hours = 0) =>
  new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 + days * 86_400_000 + hours * 3_600_000).toISOString();

export class Server {
  private constructor(
    readonly url: string,
    readonly key: string,
    private readonly serve: () => ChildProcess,
    private process: ChildProcess,
    private readonly mail: string,
    private readonly command: (...command: string[]) => Promise<string>,
    private readonly engine: Engine,
    private readonly cleanUp: () => Promise<void>,
  ) {}

  static async start(engine: Engine): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), "bilten-e2e-"));
    const port = await freePort();
    // By name: browsers give passkeys to no numbers.
    const url = `http://localhost:${port}`;
    const database = engine === "sqlite" ? `sqlite:${join(folder, "bilten.db")}` : await newDatabase();
    const env = {
      ...process.env,
      BILTEN_HTTP__LISTEN: `127.0.0.1:${port}`,
      BILTEN_HTTP__PUBLIC_URL: url,
      BILTEN_DATABASE__URL: database,
      BILTEN_SECRETS__MASTER_KEY_FILE: join(folder, "master.key"),
      BILTEN_LOG__LEVEL: "warn",
      // Identity providers of tests are on this machine.
      BILTEN_IDENTITY__SSO_PRIVATE_NETWORKS: "true",
    };
    const bilten = async (...command: string[]) => (await run(binary, command, { cwd: folder, env })).stdout.trim();
    const [, organisation] = (await bilten("organisation", "create", "Kino Šiška")).split("\t");
    const [, key] = (await bilten("key", "create", "--organisation", organisation)).split("\t");
    const serve = () => spawn(binary, ["serve"], { cwd: folder, env, stdio: ["ignore", "inherit", "inherit"] });
    const server = new Server(url, key, serve, serve(), join(folder, "bilten-data", "mail"), bilten, engine, async () => {
      if (engine === "postgres") await dropDatabase(database);
      await rm(folder, { recursive: true, force: true });
    });
    await server.ready();
    return server;
  }

  private async ready(): Promise<void> {
    const end = Date.now() + 30_000;
    while (Date.now() < end) {
      if (this.process.exitCode !== null) throw new Error(`bilten ended with code ${this.process.exitCode}`);
      const answer = await fetch(`${this.url}/readyz`).catch(() => null);
      if (answer?.ok) return;
      await new Promise((wake) => setTimeout(wake, 50));
    }
    throw new Error("bilten did not become ready");
  }

  private async end(): Promise<void> {
    const ended = new Promise((done) => this.process.once("exit", done));
    if (this.process.exitCode === null) {
      this.process.kill("SIGTERM");
      await ended;
    }
  }

  async stop(): Promise<void> {
    await this.end();
    await this.cleanUp();
  }

  /** The address of this page with its token, in the newest mail to somebody that has one; waits for it. */
  async link(to: string, path: string): Promise<string> {
    const end = Date.now() + 20_000;
    while (Date.now() < end) {
      const files = (await readdir(this.mail).catch(() => [])).filter((name) => name.endsWith(".eml")).sort().reverse();
      for (const file of files) {
        const mail = plain(await readFile(join(this.mail, file), "latin1"));
        const link = new RegExp(`${this.url}${path}\\?token=[A-Za-z0-9_-]+`).exec(mail)?.[0];
        if (link && mail.includes(`To: ${to}`)) return link;
      }
      await new Promise((wake) => setTimeout(wake, 100));
    }
    throw new Error(`no mail to ${to} with a link to ${path} came`);
  }

  /**
   * Makes an account whose address is known, perhaps of a member of the organisation; gives the link by which its
   * password is chosen.
   */
  async person(email: string, name: string, role?: string): Promise<string> {
    const member = role === undefined ? [] : ["--organisation", "kino-siska", "--role", role];
    const made = await this.bilten("user", "create", "--email", email, "--name", name, "--verified", ...member);
    return made.split("\n")[1];
  }

  /** Runs a command of whoever runs the server. */
  async bilten(...command: string[]): Promise<string> {
    // Commands that write cannot run beside a server on the same SQLite file.
    if (this.engine === "sqlite") await this.end();
    const said = await this.command(...command);
    if (this.engine === "sqlite") {
      this.process = this.serve();
      await this.ready();
    }
    return said;
  }

  /** Calls the API as the organiser. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        "content-type": "application/json",
        "idempotency-key": randomBytes(12).toString("hex"),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** A published concert with three tiers, or what the test wishes instead. */
  async concert(wish: Wish = {}): Promise<Event> {
    const made = await this.api<Event>("POST", "/events", {
      name: "Laibach: Sympathy for the Devil",
      description:
        "An evening of industrial hymns, marching drums and very serious hats.\n\n" +
        "Bring ear plugs. The bar takes cards only. Children under 12 come in free with a grown-up.",
      time_zone: "Europe/Ljubljana",
      currency: "EUR",
      venue_name: "Kino Šiška",
      venue_address: "Trg prekomorskih brigad 3, 1000 Ljubljana",
      occurrences: [{ doors_at: inDays(30, 18), starts_at: inDays(30, 19), ends_at: inDays(30, 22) }],
      tiers: [
        { name: "Standing", description: "On the floor, close to the stage.", price_minor: 3200, capacity: 500 },
        { name: "Balcony", description: "Numbered seats, step-free by lift.", price_minor: 4500, capacity: 12 },
        { name: "Early bird", price_minor: 2500, capacity: 0 },
        { name: "Day of the show", price_minor: 3800, capacity: 100, sales_start_at: inDays(30, 8) },
      ],
      ...wish,
    });
    return this.api<Event>("POST", `/events/${made.id}/publish`);
  }

  /** A concert with one tier of so many tickets at so much. */
  simple(name: string, capacity: number, price_minor: number, wish: Wish = {}): Promise<Event> {
    return this.concert({ name, tiers: [{ name: "General admission", price_minor, capacity }], ...wish });
  }
}

/** A mail without its encoding for the way (quoted-printable). */
function plain(mail: string): string {
  const joined = mail.replaceAll("\r\n", "\n").replaceAll("=\n", "");
  return joined.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once("error", fail);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === "object" ? done(address.port) : fail(new Error("no port"))));
    });
  });
}

const admin = () => process.env.BILTEN_TEST_POSTGRES ?? "";

async function newDatabase(): Promise<string> {
  const name = `e2e_${randomBytes(6).toString("hex")}`;
  await run("psql", [admin(), "-qc", `CREATE DATABASE ${name}`]);
  const url = new URL(admin());
  url.pathname = `/${name}`;
  return url.toString();
}

async function dropDatabase(url: string): Promise<void> {
  await run("psql", [admin(), "-qc", `DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`]);
}
