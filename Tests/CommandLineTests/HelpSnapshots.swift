/// The help texts as they were last looked at, 80 columns wide.
enum HelpSnapshots {
  static let root = #"""
    OVERVIEW: Unified-IO 2 as the brain of a robot arm: serve a policy, fly it in
    simulation, inspect it.

    A policy is a folder with policy.json, a Unified-IO 2 checkpoint and its
    tokenizer. `serve` runs one behind a ZeroMQ socket for any robot that speaks
    the protocol; `rollout` flies a simulated robot with it and counts successes.

      uio2 serve --policy Policies/metaworld-mt5 --bind tcp://127.0.0.1:5555
      uio2 rollout --env metaworld:reach-v3,push-v3 --episodes 10 --video films

    Exit codes:
      0    done (`serve`: stopped by SIGINT or SIGTERM)
      1    failed: out of tolerance, too few successes, a rollout cut short
      64   wrong usage
      65   bad data: a policy or checkpoint is broken or does not fit
      69   unavailable: the daemon, its address, Python or the simulator
      70   internal error
      130  ended by SIGINT, cleanly
      143  ended by SIGTERM, cleanly

    USAGE: uio2 <subcommand>

    OPTIONS:
      --version               Show the version.
      -h, --help              Show help information.

    SUBCOMMANDS:
      serve                   Serve a policy to robots over ZeroMQ.
      rollout                 Fly a simulated robot with a policy and report its
                              success.
      inspect                 Show what a model or a policy is: configuration,
                              modalities, parameters, memory.
      parity                  Compare this implementation with golden tensors of
                              the official one.
      import                  Turn published weights (pytorch_model.bin) into a
                              checkpoint, without running any code from them.
      synthesize              Write a checkpoint with random weights in a released
                              size, to measure and to test with.

      See 'uio2 help <subcommand>' for detailed help.

    """#

  static let rollout = #"""
    OVERVIEW: Fly a simulated robot with a policy and report its success.

    Starts the simulator as a process of its own that speaks the wire protocol, so
    it cannot be told from a real robot. Without --daemon the policy is served from
    this process at a private address; with it, by the daemon that listens there.

      uio2 rollout --env metaworld:push-v3 --episodes 20 --json push.json
      uio2 rollout --env metaworld:reach-v3,door-open-v3 --video films
      uio2 rollout --env metaworld:push-v3 --daemon tcp://127.0.0.1:5555

    Episode e of each task uses seed SEED + e, and every seed has a goal of its
    own. The exit code is 0 when all episodes ran, whether or not they succeeded;
    --require-success turns the success rate into part of it.

    USAGE: uio2 rollout --env <simulator:task,…> [--episodes <episodes>] [--seed <seed>] [--daemon <address>] [--policy <folder>] [--video <folder>] [--json <file>] [--max-steps <max-steps>] [--require-success <rate>] [--python <path>] [--verbose] [--log-level <log-level>]

    OPTIONS:
      --env <simulator:task,…>
                              The simulator and its tasks, e.g.
                              metaworld:push-v3,reach-v3.
      --episodes <episodes>   Episodes of each task. (default: 10)
      --seed <seed>           Seed of the first episode of each task. (default: 0)
      --daemon <address>      A daemon that runs already; without it the policy is
                              served here.
      --policy <folder>       The policy to serve (default: Policies/metaworld-mt5).
      --video <folder>        Write a film of every episode there.
      --json <file>           Write the report there as JSON.
      --max-steps <max-steps> Simulation steps after which an episode has failed
                              (default: the simulator's).
      --require-success <rate>
                              Exit with 1 when a smaller share of the episodes
                              succeeds, 0…1.
      --python <path>         The Python that runs the simulator (default:
                              $UIO2_PYTHON, else .venv/bin/python of the
                              repository).
      --verbose               Show what the simulator writes for people.
      --log-level <log-level> What is logged to standard error, from most to least:
                              trace, debug, info, notice, warning, error, critical.
                              (values: trace, debug, info, notice, warning, error,
                              critical)
      --version               Show the version.
      -h, --help              Show help information.


    """#
}
