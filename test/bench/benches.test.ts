/** Every bench runs with tiny inputs and computes the right result, so that none rots; the figures mean nothing here. */
import { describe, test } from 'node:test';
import { runApiBench } from '../../bench/api.ts';
import { runBankBench } from '../../bench/bank.ts';
import { runDurableBench } from '../../bench/bank-durable.ts';
import { runParserBench } from '../../bench/bank-parser.ts';
import { runConnectionsBench } from '../../bench/connections.ts';
import { runEngineBench } from '../../bench/engine.ts';
import { runExchangeBench } from '../../bench/exchange.ts';
import { runRecoveryBench } from '../../bench/exchange-recovery.ts';
import { runOuchBench } from '../../bench/ouch.ts';
import { runReplayBench } from '../../bench/ouch-replay.ts';
import { runRuntimeBench } from '../../bench/runtime.ts';

describe('benches', () => {
  test('bank ends with the log that its inputs must produce', async () => {
    await runBankBench({
      connections: 3,
      linesPerConnection: 500,
      repeats: 1,
      loadsInARow: 2,
      pythonShare: 1,
      redisRequests: 1000,
    });
  });

  test('bank-durable is back with the balances that its inputs must produce', async () => {
    await runDurableBench({ connections: 3, linesPerConnection: 500, repeats: 1, redisRequests: 1000 });
  });

  test('bank-parser ends with the balances that its lines must produce', () => {
    runParserBench({ lines: 2000, repeats: 1 });
  });

  test('api ends with the balances that its requests must produce', async () => {
    await runApiBench({ requests: 9, transactionsPerRequest: 100, singles: 20, repeats: 1 });
  });

  test('engine ends with the orders and trades that its messages must make, and so does the peer', () => {
    runEngineBench({ messages: 5000, live: 500, repeats: 1, peerShare: 0.5 });
  });

  test('exchange ends with the orders and trades that its messages must make', () => {
    runExchangeBench({ messages: 5000, live: 500, repeats: 1 });
  });

  test('ouch gets every reply in order, and what was bought was sold', async () => {
    await runOuchBench({
      sessions: 3,
      cyclesPerSession: 25,
      repeats: 1,
      singles: 20,
      paced: 20,
      pacedPerSecond: 1000,
    });
  });

  test('ouch-replay has every order accepted that its inputs enter', async () => {
    await runReplayBench({ files: 3, cyclesPerFile: 25, repeats: 1 });
  });

  test('exchange-recovery is back with the orders and messages that there were', async () => {
    await runRecoveryBench({ messages: 5000, traders: 5, messagesPerTurn: 100 });
  });

  test('runtime delivers every message and answers every ask', async () => {
    await runRuntimeBench({
      tells: 5000,
      asks: 2000,
      hostMessages: 5000,
      hostAsks: 2000,
      peerMessages: 1000,
      repeats: 1,
    });
  });

  test('connections holds what it has opened', async () => {
    await runConnectionsBench({ connections: 50, watchSeconds: 0.1 });
  });
});
