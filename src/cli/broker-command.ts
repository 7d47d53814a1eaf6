import { type Command, Option } from 'commander'
import { parseCount, parseList, parsePort, parseSettings, parseText, parseTopics, parseUsers } from './arguments.ts'
import type { BrokerCommandOptions } from './broker.ts'
import { examples } from './help.ts'

/** `millrace broker`. */
export function addBroker(program: Command): void {
  program
    .command('broker')
    .summary('run a Kafka in memory, for tests and development')
    .description(
      "Runs brokers that speak Kafka's protocol in this process, and says where, until Ctrl-C. Everything is kept in memory and gone " +
        'afterwards. It listens to this machine only, unless --host says otherwise, and everybody is let in, unless there are users.',
    )
    .option(
      '-p, --port <number>',
      'of the first broker, the others have the next ones; 0 for any free',
      parsePort,
      9092,
    )
    .option('-t, --topics <names>', 'such as orders:6,payments:3 (partitions); may be repeated', parseTopics)
    .option('--nodes <count>', 'brokers of the cluster', parseCount, 1)
    .option('--no-auto-create', 'refuse topics that do not exist, instead of making them')
    .option('--config <name=value>', "a broker setting under Kafka's name; may be repeated", parseSettings)
    .option('--host <address>', 'where to listen; 0.0.0.0 for the whole network', parseText, '127.0.0.1')
    .option('--advertised-host <name>', 'where clients are told to connect, if not to --host', parseText)
    .addOption(new Option('--tls', 'speak TLS, with a certificate that is made at the start').conflicts('tlsCert'))
    .option('--tls-cert <file>', 'speak TLS, with this certificate (PEM)', parseText)
    .option('--tls-key <file>', 'its key (PEM)', parseText)
    .option('--ca-file <file>', 'with --tls: where to write whom clients are to trust (PEM)', parseText)
    .option('--user <name:password>', 'let in only users, by their passwords (SASL); may be repeated', parseUsers)
    .option('--sasl <mechanisms>', 'what they may choose from, such as PLAIN,SCRAM-SHA-512', parseList)
    .option('--log-requests', 'print a line for each request')
    .option('--json', 'print one JSON object per line')
    .action(async (options: BrokerCommandOptions) => {
      const { runBroker } = await import('./broker.ts')
      await runBroker(options)
    })
    .addHelpText(
      'after',
      examples(
        'broker',
        'broker --topics orders:6,payments:3 --nodes 3',
        'broker --port 0 --json',
        'broker --log-requests | grep JoinGroup',
        'broker --tls --ca-file ca.pem --user shop:secret',
      ),
    )
}
