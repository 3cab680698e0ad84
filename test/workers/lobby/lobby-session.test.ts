import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FileCommand, OpenFile } from '../../../src/protocol/desk.ts';
import { HALL_ADDRESS } from '../../../src/protocol/lobby.ts';
import {
  type ConnectionRecord,
  REGISTRY_ADDRESS,
  type RegistryAnswer,
} from '../../../src/protocol/registry.ts';
import { hostIndexOf, toAddress } from '../../../src/values/address.ts';
import { formatLocalTime } from '../../../workers/lobby/lobby-replies.ts';
import { listening } from '../../support/actors.ts';
import { LobbyHosts } from '../../support/lobby-hosts.ts';

const CHUNK_BYTES = 256 * 1024;

function lobbyWith(clients: number, options?: ConstructorParameters<typeof LobbyHosts>[0]): LobbyHosts {
  const lobby = new LobbyHosts({ clientsMax: clients, ...options });
  for (let client = 1; client <= clients; client++) assert.equal(lobby.open(client), `Client${client}`);
  lobby.logged();
  return lobby;
}

function recordsIn(lobby: LobbyHosts): readonly ConnectionRecord[] {
  const [answer] = lobby.hosts.ask(REGISTRY_ADDRESS, { type: 'list', limit: 1000 }) as [RegistryAnswer];
  return answer.connections;
}

function fileOf(size: number): OpenFile {
  return { name: 'a', size, sha256: 'abc', mark: 'mark' };
}

describe('a client of the lobby', () => {
  test('is named, and echoed as the original server does it', () => {
    const lobby = new LobbyHosts();
    assert.equal(lobby.open(1), 'Client1');
    assert.equal(lobby.send(1, 'Client1: Hello', ''), 'Hello ACK');
    assert.equal(lobby.send(1, 'Hello', ''), 'Hello ACK');
    assert.equal(lobby.send(1, 'Client1: ', ''), ' ACK');
    assert.equal(lobby.open(2), 'Client2');
    assert.equal(lobby.send(2, 'Client1: Hello', ''), 'Client1: Hello ACK');
  });

  test('is answered with a newline when its message ended with one', () => {
    const lobby = lobbyWith(1);
    assert.equal(lobby.send(1, 'one\ntwo\r\nthree'), 'one ACK\ntwo ACK\n');
    assert.equal(lobby.send(1, ''), 'three ACK');
  });

  test('sees who is here and who was, in the order of arrival, without who was refused', () => {
    const lobby = lobbyWith(2);
    lobby.open(3);
    lobby.hosts.advance(500);
    lobby.send(2, 'bye', '');
    const text = (name: string, sinceMs: number, until: string) =>
      `\nClient Name: ${name}\nClient Address: ('127.0.0.1', 65433)\n` +
      `Client Connection Time: ${formatLocalTime(sinceMs)}\nClient Disconnect Time: ${until}\n--------------------\n`;
    const status = text('Client1', 1, 'None') + text('Client2', 2, formatLocalTime(1500));
    assert.equal(lobby.send(1, 'Client1: status', ''), status);
    assert.equal(lobby.send(1, 'status\n'), status, 'it ends with a newline anyway');
  });

  test('is told what it can do', () => {
    assert.doesNotMatch(lobbyWith(1, { isPutAllowed: false }).send(1, 'help\n'), /put/);
    assert.match(lobbyWith(1).send(1, 'help\n'), /^status .*\nput NAME SIZE .*ACK behind it\.\n$/s);
    assert.equal(lobbyWith(1).send(1, 'put a', ''), 'ERROR it is used so: put NAME SIZE, in bytes');
  });

  test('says bye and is closed without a word', () => {
    const lobby = lobbyWith(1);
    assert.equal(lobby.send(1, 'Client1: bye', ''), '');
    assert.ok(lobby.isClosed(1));
  });

  test('is answered all that it has sent before its end', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'one\nlist\ntwo\n');
    lobby.ended(1);
    assert.ok(!lobby.isClosed(1));
    assert.equal(lobby.answer(1, { type: 'list-files' }, []), '\nFiles: \ntwo ACK\n');
    assert.ok(lobby.isClosed(1));
  });

  test('is told when its message is too long, and the rest of it is nothing', () => {
    const lobby = lobbyWith(1);
    const error = 'ERROR a message has 256 bytes at most';
    assert.equal(lobby.send(1, 'x'.repeat(300), 'bye', 'bye\nshort\n'), `${error}\nshort ACK\n`);
    assert.deepEqual(lobby.hosts.main.ignored.get(1), [{ 'message-too-long': 1 }]);
  });

  test('has its messages counted and its name known to the main thread', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'a\nb\nc\n');
    lobby.send(1, 'd\n');
    assert.equal(lobby.hosts.main.frames.get(1), 4);
    assert.equal(lobby.hosts.main.users.get(1), 'Client1');
    assert.equal(lobby.memory(1), 'Client1');
  });
});

describe('a lobby whose clients sign in', () => {
  const FIRST = 'Sign in first: signin NAME PASSWORD';
  const RIGHT = 'signin khtn daihoc tphcm';

  function closedLobby(options?: ConstructorParameters<typeof LobbyHosts>[0]): LobbyHosts {
    const lobby = new LobbyHosts({ isSignInAsked: true, ...options });
    assert.equal(lobby.open(1), '');
    return lobby;
  }

  test('answers nothing else before', () => {
    const lobby = closedLobby();
    for (const text of ['Hello', 'status', 'bye', 'signin', 'signin khtn', 'get a', 'say hi']) {
      assert.equal(lobby.send(1, `${text}\n`), `${FIRST}\n`);
    }
    assert.equal(lobby.send(1, 'signin khtn wrong', ''), 'ERROR the user name or the password is wrong');
    assert.deepEqual([recordsIn(lobby), lobby.logged()], [[], []]);
  });

  test('gives those a name that are right, and has them as ever', () => {
    const lobby = closedLobby({ clientsMax: 1 });
    assert.equal(lobby.send(1, `${RIGHT}\nstatus of what\n`), 'Client1status of what ACK\n');
    assert.equal(lobby.memory(1), 'Client1/7/3');
    assert.equal(lobby.logged()[1], 'Client1 has signed in as khtn');
    lobby.open(2);
    assert.equal(lobby.send(2, RIGHT, ''), 'Server full, rejecting connection');
  });

  test('lets who waits for the directory go, and answers what came before the end', () => {
    const lobby = closedLobby();
    lobby.users.isSilent = true;
    lobby.send(1, `${RIGHT}\n`);
    lobby.gone(1);
    assert.ok(lobby.isClosed(1));
    lobby.open(2);
    lobby.send(2, `${RIGHT}\n`);
    lobby.ended(2);
    assert.ok(!lobby.isClosed(2));
    lobby.hosts.live(31_000);
    assert.equal(lobby.heard(2), 'ERROR the server is busy: try again later\n');
    assert.ok(lobby.isClosed(2));
    assert.deepEqual(lobby.hosts.errors, []);
  });

  test('tells those who are signed out elsewhere, and closes', () => {
    const lobby = closedLobby();
    lobby.send(1, `${RIGHT}\n`);
    assert.equal(lobby.signOut(1, 'why\x1b[2J'), 'You were signed out: why\n');
    assert.ok(lobby.isClosed(1));
    assert.equal(recordsIn(lobby)[0]?.reason, 'its user was signed out');
  });

  test('knows them when a session was lost, unless they were signed out meanwhile', () => {
    const lobby = closedLobby();
    lobby.send(1, `${RIGHT}\n`);
    lobby.replace(0, [1]);
    assert.match(lobby.heard(1), /^ERROR a part of the server failed .*\n$/);
    assert.equal(lobby.send(1, 'x', ''), 'x ACK');
    assert.match(lobby.open(2, 'Client2/7/2'), /^ERROR .*\nYou were signed out: the password was changed$/);
    assert.ok(lobby.isClosed(2));
  });

  test('asks again those whose session was lost outside', () => {
    const lobby = closedLobby();
    lobby.replace(0, [1]);
    assert.match(lobby.heard(1), /^ERROR a part of the server failed .*\n$/);
    assert.equal(lobby.send(1, 'hello\n'), `${FIRST}\n`);
    assert.equal(lobby.send(1, `${RIGHT}\n`), 'Client1');
  });

  test('neither logs nor echoes a password, whoever sends it', () => {
    const lobby = closedLobby();
    lobby.send(1, 'signin khtn marked-secret\n', `${RIGHT}\n`);
    const already = 'ERROR you are in already: there is nothing to sign in to\n';
    assert.equal(
      lobby.send(1, 'Client1: signin khtn marked-secret\n', 'signin marked-secret\n'),
      already + already,
    );
    const open = lobbyWith(1);
    assert.equal(open.send(1, 'signin khtn marked-secret\n'), already);
    const said = JSON.stringify([lobby.hosts.main.said, open.hosts.main.said]);
    assert.doesNotMatch([...lobby.logged(), ...open.logged(), said].join('\n'), /marked-secret/);
  });
});

describe('the places of the lobby', () => {
  test('are refused to one too many, which the registry knows', () => {
    const lobby = lobbyWith(3);
    assert.equal(lobby.open(4), 'Server full, rejecting connection');
    assert.ok(lobby.isClosed(4));
    const { user, reason, untilMs } = recordsIn(lobby)[3] as ConnectionRecord;
    assert.deepEqual([user, reason, untilMs !== null], ['', 'the lobby was full', true]);
  });

  test('are free when a client is gone, however it went', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'bye\n');
    assert.equal(lobby.open(2), 'Client2');
    lobby.gone(2, 'it broke');
    assert.equal(recordsIn(lobby)[1]?.reason, 'it broke');
    assert.equal(lobby.open(3), 'Client3');
    lobby.ended(3);
    assert.equal(lobby.open(4), 'Client4');
  });

  test('are not taken by one that is gone before it has its name', () => {
    const lobby = new LobbyHosts({ clientsMax: 1, hosts: 2 });
    const main = lobby.hosts.mainOf(lobby.hostOf(1));
    main.open(1, 'lobby');
    main.command({ type: 'closed', connection: 1, reason: '', isCutOff: false });
    lobby.hosts.settle();
    assert.equal(lobby.open(2), 'Client2');
  });
});

describe('what is said in the lobby', () => {
  test('reaches all others, in the way of their last message', () => {
    const lobby = lobbyWith(3);
    lobby.send(2, 'hello\n');
    assert.equal(lobby.send(1, 'say good\tmorning\x1b[2J', ''), 'Said to 2 others');
    assert.equal(lobby.heard(2), 'Client1 says: good morning\n');
    assert.equal(lobby.heard(3), 'Client1 says: good morning');
  });

  test('reaches those who listen, until they do not any more or are gone', () => {
    const lobby = lobbyWith(1, { hosts: 2 });
    const heard: unknown[] = [];
    const listener = toAddress('test/listener');
    lobby.hosts.spawn(listener, listening(heard));
    lobby.hosts.tell(HALL_ADDRESS, { type: 'listen', session: listener });
    assert.equal(lobby.send(1, 'say hi\n'), 'Said to 1 other\n');
    const { nowMs: timeMs } = lobby.hosts;
    assert.deepEqual(heard, [{ type: 'lobby-message', from: 'Client1', text: 'hi', timeMs }]);
    lobby.hosts.tell(HALL_ADDRESS, { type: 'unlisten', session: listener });
    assert.equal(lobby.send(1, 'say hi\n'), 'Nobody else is here\n');
    lobby.hosts.tell(HALL_ADDRESS, { type: 'listen', session: toAddress('test/nobody') });
    assert.equal(lobby.send(1, 'say hi\n'), 'Nobody else is here\n');
  });

  test('by the operator reaches everybody, and nobody else passes for the operator', () => {
    const lobby = lobbyWith(2);
    const [heard] = lobby.hosts.ask(HALL_ADDRESS, { type: 'broadcast', text: 'lunch\x07' });
    assert.deepEqual(heard, { listeners: 2 });
    assert.deepEqual([lobby.heard(1), lobby.heard(2)], ['Operator: lunch', 'Operator: lunch']);
    for (const from of ['Operator', ' oper\x1b[mATOR\x00']) {
      lobby.hosts.tell(HALL_ADDRESS, { type: 'say', session: toAddress('api/7'), from, text: 'dinner' });
      assert.equal(lobby.heard(1), 'api/7 says: dinner');
    }
  });

  test('waits until an answer is out, and is left out beyond a limit', () => {
    const lobby = lobbyWith(2);
    lobby.send(1, 'list\nafter\n');
    for (let i = 0; i < 300; i++) lobby.send(2, `say ${i}\n`);
    assert.equal(lobby.heard(1), '');
    const lines = lobby.answer(1, { type: 'list-files' }, []).split('\n');
    assert.deepEqual(lines.slice(0, 4), ['', 'Files: ', 'after ACK', 'Client2 says: 0']);
    assert.deepEqual(lines.slice(-3), ['Client2 says: 255', '(44 more were left out)', '']);
  });
});

describe('requests that come at once', () => {
  test('are answered in their order, whoever has to be asked', () => {
    const lobby = lobbyWith(2);
    lobby.send(2, 'hello', '');
    assert.equal(lobby.send(1, 'one\nlist\nsay x\nget a\nlist\ntwo\n'), 'one ACK\n');
    const files = [{ name: 'a', size: 1, modifiedMs: 1 }];
    assert.equal(lobby.answer(1, { type: 'list-files' }, files), '\nFiles: a | \nSaid to 1 other\n');
    const refused = lobby.refuse(1, 'open-file', 'ERR_FILE_MISSING', 'no file here is called a');
    assert.equal(refused, 'ERROR no file here is called a\n');
    assert.equal(lobby.answer(1, { type: 'list-files' }, []), '\nFiles: \ntwo ACK\n');
  });

  test('wait up to a limit, and beyond it nothing is read', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'list\n');
    for (let i = 0; i < 5; i++) lobby.send(1, `${'x'.repeat(200)}\n`.repeat(80));
    assert.ok(lobby.isHeld(1));
    const text = lobby.answer(1, { type: 'list-files' }, []);
    assert.equal(text.split(' ACK\n').length, 5 * 80 + 1);
    assert.ok(!lobby.isHeld(1));
  });

  test('wait until the client has taken the answers before', () => {
    const lobby = lobbyWith(1, { messageBytesMax: 100_000 });
    const long = `${'x'.repeat(99_000)}\n`;
    for (let i = 0; i < 10; i++) lobby.send(1, long);
    assert.equal(lobby.heard(1), '');
    assert.ok(lobby.isHeld(1));
    lobby.ended(1);
    let answered = 3;
    for (; !lobby.isClosed(1); answered += lobby.heard(1).split('ACK').length - 1) lobby.drained(1);
    assert.equal(answered, 10);
  });

  test('are given up when the client takes nothing', () => {
    const lobby = lobbyWith(1, { messageBytesMax: 100_000 });
    for (let i = 0; i < 10; i++) lobby.send(1, `${'x'.repeat(99_000)}\n`);
    lobby.hosts.live(61_000);
    assert.ok(lobby.isClosed(1));
  });

  test('wait for the name too', () => {
    const lobby = new LobbyHosts({ hosts: 2 });
    lobby.hosts.mainOf(lobby.hostOf(1)).open(1, 'lobby');
    assert.equal(lobby.send(1, 'Client1: early', ''), 'Client1early ACK');
  });

  test('are told what to do when they can not be answered', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'list\n');
    const text = lobby.refuse(1, 'list-files', 'ERR_ASK_TIMEOUT', 'no answer\x1b[2J came');
    assert.equal(text, 'ERROR no answer came; try again later\n');
  });
});

describe('getting a file', () => {
  test('sends its length and hash, then its bytes, each chunk when the last one was taken', () => {
    const lobby = lobbyWith(2);
    const file = fileOf(CHUNK_BYTES + 3);
    lobby.send(1, 'get a b.txt', '');
    const open: FileCommand = { type: 'open-file', name: 'a b.txt' };
    assert.equal(lobby.answer(1, open, file), `SIZE ${file.size} SHA-256 abc\n`);
    assert.equal(lobby.memory(1), 'Client1 get');
    const read = { type: 'read-file', file, length: CHUNK_BYTES } as const;
    const first = lobby.answer(1, { ...read, offset: 0 }, Buffer.alloc(CHUNK_BYTES, 'x'));
    assert.equal(first, 'x'.repeat(CHUNK_BYTES));
    lobby.send(2, 'say hi\n');
    lobby.send(1, 'next', '');
    assert.deepEqual([lobby.heard(1), lobby.askedCount, lobby.isHeld(1)], ['', 0, true]);
    lobby.drained(1);
    assert.equal(lobby.answer(1, { ...read, offset: CHUNK_BYTES }, Buffer.from('end')), 'end');
    lobby.drained(1);
    assert.equal(lobby.heard(1), 'next ACKClient2 says: hi');
    assert.deepEqual([lobby.isHeld(1), lobby.memory(1)], [false, 'Client1']);
  });

  test('sends nothing of an empty one', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'get a\nnext\n');
    const text = lobby.answer(1, { type: 'open-file', name: 'a' }, fileOf(0));
    assert.equal(text, 'SIZE 0 SHA-256 abc\nnext ACK\n');
  });

  test('goes on for a client that sends nothing more', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'get a\n');
    lobby.ended(1);
    lobby.answer(1, { type: 'open-file', name: 'a' }, fileOf(3));
    const read = { type: 'read-file', file: fileOf(3), offset: 0, length: CHUNK_BYTES } as const;
    assert.equal(lobby.answer(1, read, Buffer.from('abc')), 'abc');
    assert.ok(!lobby.isClosed(1));
    lobby.drained(1);
    assert.ok(lobby.isClosed(1));
  });

  test('breaks off without a word when the file is not the same any more', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'get a\n');
    lobby.answer(1, { type: 'open-file', name: 'a' }, fileOf(3));
    assert.equal(lobby.refuse(1, 'read-file', 'ERR_FILE_CHANGED', 'a was changed while it was read'), '');
    assert.ok(lobby.isClosed(1));
    assert.ok(lobby.logged().some((text) => text.includes('a was changed')));
  });

  test('breaks off when the client takes nothing, and frees its place', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'get a\n');
    lobby.answer(1, { type: 'open-file', name: 'a' }, fileOf(3));
    const read = { type: 'read-file', file: fileOf(3), offset: 0, length: CHUNK_BYTES } as const;
    lobby.answer(1, read, Buffer.from('abc'));
    lobby.hosts.live(59_000);
    assert.ok(!lobby.isClosed(1));
    lobby.hosts.live(2000);
    assert.ok(lobby.isClosed(1));
    assert.equal(recordsIn(lobby)[0]?.reason, 'it took nothing for 60 s');
    assert.equal(lobby.open(2), 'Client2');
  });

  test('asks for nothing more when the client is gone', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'get a\n');
    lobby.gone(1);
    lobby.answer(1, { type: 'open-file', name: 'a' }, fileOf(3));
    assert.equal(lobby.askedCount, 0);
    assert.ok(lobby.isClosed(1));
  });
});

describe('putting a file', () => {
  const begin: FileCommand = { type: 'begin-put', name: 'a', size: 5 };
  const finish: FileCommand = { type: 'finish-put', part: 'part', name: 'a', size: 5 };
  const abandon: FileCommand = { type: 'abandon-put', part: 'part' };
  const append = (text: string): FileCommand => {
    return { type: 'append-put', part: 'part', bytes: new Uint8Array(Buffer.from(text)) };
  };
  /** What was asked, with plain bytes. */
  const answer = (lobby: LobbyHosts, command: FileCommand, value: unknown): string => {
    const asked = lobby.asked(1);
    const { message } = asked;
    const plain =
      message.type === 'append-put' ? { ...message, bytes: new Uint8Array(message.bytes) } : message;
    assert.deepEqual(plain, command);
    asked.reply(value);
    lobby.hosts.settle();
    return lobby.heard(1);
  };

  test('takes so many bytes, whatever is in them, and then messages again', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'put a 5\n');
    assert.equal(answer(lobby, begin, 'part'), 'SEND 5\n');
    assert.equal(lobby.memory(1), 'Client1 put part');
    lobby.send(1, 'b', '', 'ye');
    assert.ok(lobby.isHeld(1));
    answer(lobby, append('b'), null);
    answer(lobby, append('ye'), null);
    assert.ok(!lobby.isHeld(1));
    lobby.send(1, '\n!next\n');
    answer(lobby, append('\n!'), null);
    const info = { size: 5, sha256: 'abc' };
    assert.equal(answer(lobby, finish, info), 'STORED a 5 SHA-256 abc\nnext ACK\n');
    assert.equal(lobby.memory(1), 'Client1');
  });

  test('counts what came with the command', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'put a 5\nhellonext\n');
    answer(lobby, begin, 'part');
    answer(lobby, append('hello'), null);
    assert.equal(answer(lobby, finish, { size: 5, sha256: 'abc' }), 'STORED a 5 SHA-256 abc\nnext ACK\n');
  });

  test('takes an empty one', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'put a 0', '');
    assert.equal(answer(lobby, { ...begin, size: 0 }, 'part'), 'SEND 0');
    const stored = answer(lobby, { ...finish, size: 0 }, { size: 0, sha256: 'abc' });
    assert.equal(stored, 'STORED a 0 SHA-256 abc');
  });

  test('is refused where no files are taken, with the bytes that came already', () => {
    const lobby = lobbyWith(1, { isPutAllowed: false });
    const error = 'ERROR this server takes no files; its setting lobby.is_put_allowed is false\n';
    assert.equal(lobby.send(1, 'put a 5\n'), error);
    assert.equal(lobby.send(1, 'hello\n'), 'hello ACK\n');
    assert.equal(lobby.send(1, 'put a 5\nhel', 'lonext\n'), `${error}next ACK\n`);
    assert.equal(lobby.askedCount, 0);
  });

  test('is refused by its name or length, and what comes then is messages again', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'put a 5\n');
    const refused = lobby.refuse(1, 'begin-put', 'ERR_FILE_EXISTS', 'there is an a already');
    assert.equal(refused, 'ERROR there is an a already\n');
    assert.equal(lobby.send(1, 'hello\n'), 'hello ACK\n');
    lobby.send(1, 'put a 5\nhello');
    lobby.refuse(1, 'begin-put', 'ERR_FILE_EXISTS', 'there is an a already');
    assert.equal(lobby.send(1, 'next\n'), 'next ACK\n');
  });

  test('leaves nothing when it can not be written, and skips the rest', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'put a 5\nhe');
    answer(lobby, begin, 'part');
    lobby.refuse(1, 'append-put', 'ERR_FILE_IO', 'the disk is full');
    assert.equal(answer(lobby, abandon, null), 'ERROR the disk is full\n');
    assert.equal(lobby.send(1, 'llonext\n'), 'next ACK\n');
  });

  test('leaves nothing when the name was taken meanwhile', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'put a 5\nhello');
    answer(lobby, begin, 'part');
    answer(lobby, append('hello'), null);
    lobby.refuse(1, 'finish-put', 'ERR_FILE_EXISTS', 'there is an a already');
    assert.equal(answer(lobby, abandon, null), 'ERROR there is an a already\n');
  });

  test('leaves nothing when the client sends no more', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'put a 5\nhe');
    answer(lobby, begin, 'part');
    answer(lobby, append('he'), null);
    lobby.ended(1);
    assert.equal(answer(lobby, abandon, null), 'ERROR only 2 of 5 bytes came: nothing is stored\n');
    assert.ok(lobby.isClosed(1));
  });

  for (const { when, steps } of [
    { when: 'before it has begun', steps: [] },
    { when: 'while it waits', steps: [begin] },
    { when: 'while it is written', steps: [begin, append('he')] },
  ]) {
    test(`leaves nothing when the client goes ${when}`, () => {
      const lobby = lobbyWith(1);
      lobby.send(1, steps.length === 2 ? 'put a 5\nhe' : 'put a 5\n');
      for (const step of steps.slice(0, 1)) answer(lobby, step, 'part');
      lobby.gone(1);
      if (steps.length === 0) answer(lobby, begin, 'part');
      if (steps.length === 2) answer(lobby, append('he'), null);
      answer(lobby, abandon, null);
      assert.deepEqual([lobby.isClosed(1), lobby.askedCount], [true, 0]);
    });
  }
});

describe('the end of the server', () => {
  const closing = (message: string) => ({ type: 'closing', message }) as const;

  test('is told to clients that are then let go', () => {
    const lobby = lobbyWith(2);
    lobby.send(2, 'hello\n');
    lobby.command(1, closing(''));
    assert.deepEqual(
      [lobby.heard(1), lobby.heard(2)],
      ['Server is shutting down', 'Server is shutting down\n'],
    );
    assert.ok(lobby.isClosed(1) && lobby.isClosed(2));
  });

  test('is told in the words of the operator', () => {
    const lobby = lobbyWith(1);
    lobby.command(1, closing('back at\x1b[2J noon'));
    assert.equal(lobby.heard(1), 'back at noon');
  });

  test('waits for a file that is on its way, and for no other request', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, 'get a\nlist\n');
    lobby.answer(1, { type: 'open-file', name: 'a' }, fileOf(3));
    lobby.command(1, closing('bye'));
    assert.equal(lobby.heard(1), '');
    const read = { type: 'read-file', file: fileOf(3), offset: 0, length: CHUNK_BYTES } as const;
    assert.equal(lobby.answer(1, read, Buffer.from('abc')), 'abc');
    lobby.drained(1);
    assert.equal(lobby.heard(1), 'bye\n');
    assert.ok(lobby.isClosed(1));
  });
});

describe('a part of the server that is lost', () => {
  test('takes no names with it when it had the hall', () => {
    const lobby = new LobbyHosts({ hosts: 3, clientsMax: 2 });
    const hall = hostIndexOf(HALL_ADDRESS, 3);
    const [one, two, three, four] = clientsElsewhere(lobby, hall, 4);
    assert.deepEqual([lobby.open(one), lobby.open(two)], ['Client1', 'Client2']);
    lobby.replace(hall, []);
    assert.equal(lobby.open(three), 'Server full, rejecting connection');
    assert.deepEqual(
      [lobby.send(one, 'say hi\n'), lobby.heard(two)],
      ['Said to 1 other\n', 'Client1 says: hi'],
    );
    lobby.send(one, 'bye\n');
    assert.equal(lobby.open(four), 'Client3');
  });

  test('takes no name from a client whose session it had', () => {
    const lobby = new LobbyHosts({ hosts: 3, clientsMax: 1 });
    const hall = hostIndexOf(HALL_ADDRESS, 3);
    const [one] = clientsElsewhere(lobby, hall, 1);
    lobby.open(one);
    lobby.replace(lobby.hostOf(one), [one]);
    assert.match(lobby.heard(one), /^ERROR a part of the server failed and was replaced: send again .*\n$/);
    assert.equal(lobby.send(one, 'Client1: x', ''), 'x ACK');
    assert.equal(lobby.open(one + 1000), 'Server full, rejecting connection');
  });

  test('ends what it can not go on with: a file', () => {
    for (const [memory, text] of [
      ['Client1 get', /^$/],
      ['Client1 put part', /^ERROR .* not stored: .*\n$/],
    ] as const) {
      const lobby = new LobbyHosts();
      assert.match(lobby.open(1, memory), text);
      if (memory.includes('part')) lobby.answer(1, { type: 'abandon-put', part: 'part' }, null);
      assert.deepEqual([lobby.isClosed(1), lobby.askedCount], [true, 0]);
      assert.equal(lobby.open(2), 'Client1');
    }
  });

  test('frees the places of those who were in it', () => {
    const lobby = new LobbyHosts({ hosts: 3, clientsMax: 1 });
    const hall = hostIndexOf(HALL_ADDRESS, 3);
    const [one, two] = clientsElsewhere(lobby, hall, 2);
    lobby.open(one);
    lobby.replace(lobby.hostOf(one), []);
    assert.equal(lobby.open(two), 'Client2');
  });

  test('is told of while nothing can be stored, but not within a file', () => {
    const lobby = lobbyWith(2);
    lobby.send(1, 'hello\n');
    lobby.send(2, 'get a\n');
    lobby.hosts.system.tellStoreFailed();
    lobby.hosts.settle();
    assert.match(lobby.heard(1), /^ERROR nothing can be stored at the moment: .*\n$/);
    assert.equal(lobby.heard(2), '');
  });
});

/** Clients whose sessions are not in `host`. */
function clientsElsewhere(lobby: LobbyHosts, host: number, count: number): [number, number, number, number] {
  const clients: number[] = [];
  for (let client = 1; clients.length < count; client++)
    if (lobby.hostOf(client) !== host) clients.push(client);
  return clients as [number, number, number, number];
}

describe('the log', () => {
  test('has what the original server prints', () => {
    const lobby = new LobbyHosts();
    lobby.open(1);
    lobby.send(1, 'Client1: Hello', '');
    lobby.hosts.advance(250);
    lobby.send(1, 'Client1: bye', '');
    assert.deepEqual(lobby.logged(), [
      `Client1 has connected to the server. Created at: ${formatLocalTime(1)}`,
      'Client1: Hello',
      'Client1: bye',
      `Client1 has disconnected at: ${formatLocalTime(1250)}`,
    ]);
  });

  test('has ten messages of a client in a second, and the number of the others', () => {
    const lobby = lobbyWith(1);
    lobby.send(1, ...Array.from({ length: 25 }, (_, i) => `${i}\n`));
    assert.deepEqual(
      lobby.logged(),
      Array.from({ length: 10 }, (_, i) => `Client1: ${i}`),
    );
    lobby.hosts.live(1000);
    assert.deepEqual(lobby.logged(), ['Client1: 15 more, not logged']);
    lobby.send(1, 'again\n');
    assert.deepEqual(lobby.logged(), ['Client1: again']);
  });

  test('has no control characters, and the beginning of what is long', () => {
    const lobby = lobbyWith(1, { messageBytesMax: 5000 });
    lobby.send(1, 'a\x1b[2Jb\x07\n', `${'x'.repeat(4000)}\n`);
    assert.deepEqual(lobby.logged(), ['Client1: ab', `Client1: ${'x'.repeat(1000)}`]);
  });
});
