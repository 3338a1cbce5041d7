/// The help texts as they were last looked at, 80 columns wide.
enum HelpSnapshots {
  static let doctor = #"""
    OVERVIEW: Look whether this machine, a policy and a daemon can fly a robot, and
    say what to do.

    Each line is ok, warn or fail, and says what to do. The machine is always
    looked at: kernels and ceilings, real-time permissions, clocks, memory,
    descriptors, disks. With --policy also what it asks of a robot, and how long it
    takes here from pictures to commands. With --daemon whether it serves that
    policy, and the round trip. A daemon tells nobody of others' cameras; a
    recording does: rate, age, frozen or missing pictures, and the robot's state
    against the policy's ranges. It may still be growing.

      uio2 doctor
      uio2 doctor --policy Policies/metaworld-mt5 --daemon tcp://127.0.0.1:5555
      uio2 doctor --policy mine --recording day.mcap

    The exit code is 0 when no line fails, and 1 otherwise; warnings change
    nothing. Nothing is sent that could move a robot.

    USAGE: uio2 doctor [--policy <folder>] [--daemon <address>] [--recording <file>] [--json] [--weights <format>] [--activations <format>] [--threads <count>]

    OPTIONS:
      --policy <folder>       A policy's folder.
      --daemon <address>      Where a daemon listens: tcp://HOST:PORT or ipc://PATH.
      --recording <file>      A recording of robots (--record).
      --json                  Print JSON.
      --weights <format>      Matrices in memory: f32, bf16 or int8 (default: as
                              the files have them where that suits their size).
                              (values: f32, bf16, int8)
      --activations <format>  Inputs of products with int8 weights: int8, int16 or
                              f32 (default: int8 in the encoders of large models,
                              else int16). (values: f32, int8, int16)
      --threads <count>       Threads of the computation (default: as many as there
                              are processors).
      --version               Show the version.
      -h, --help              Show help information.


    """#

  static let root = #"""
    OVERVIEW: Unified-IO 2 as the brain of a robot arm: serve a policy, fly it in
    simulation, inspect it.

    A policy is a folder with policy.json, a Unified-IO 2 checkpoint and its
    tokenizer. `serve` runs one behind a ZeroMQ socket for any robot that speaks
    the protocol; `rollout` flies a simulated robot with it and counts successes.

      uio2 serve --policy Policies/metaworld-mt5 --bind tcp://127.0.0.1:5555
      uio2 rollout --env metaworld:reach-v3,push-v3 --episodes 10 --video films

    Results go to standard output or to the files that options name. Such a file is
    looked at before the work begins and replaced whole, links are followed,
    devices and pipes are written through. An option is given once unless its help
    says otherwise.

    Exit codes:
      0    done; also when the reader of standard output has gone (`| head`),
           and when a signal has ended `serve`
      1    failed: out of tolerance, too few successes, a rollout cut short
      64   wrong usage: an option, its value or an environment variable
      65   bad data: a policy, checkpoint or other file is missing, broken or
           does not fit
      69   unavailable: the daemon, its address, Python, the simulator, or the
           instructions that UIO2_KERNELS names
      70   internal error
      74   output cannot be written: no space, no permission
      75   `serve` crossed its memory ceiling and told its robots; start it again
      128+ ended by a signal, cleanly: 129 SIGHUP, 130 SIGINT, 131 SIGQUIT,
           143 SIGTERM

    USAGE: uio2 <subcommand>

    OPTIONS:
      --version               Show the version.
      -h, --help              Show help information.

    SUBCOMMANDS:
      serve                   Serve a policy to robots, or a model to whoever asks.
      ask                     Ask the model of a running daemon; it answers in
                              words, a picture or a sound.
      rollout                 Fly a simulated robot with a policy and report its
                              success.
      evaluate                Run the episodes of a suite with a policy, and record
                              them.
      envs                    List the simulators, and install those that have
                              packages of their own.
      runs                    Show, join and export recorded runs.
      compare                 Compare two runs on the episodes that both have.
      report                  Write a run, or several beside each other, as one
                              HTML file.
      replay                  Play a recording's observations through a policy, and
                              compare its commands with the recording.
      generate                Give a model a prompt, pictures, sound or a film; it
                              answers in words, a picture or a sound.
      task                    Run a task of the release: questions, captions,
                              boxes, joints, depth, masks, pictures, sounds.
      score                   Hold given answers against each other by how probable
                              the model finds them.
      inspect                 Show what a model or a policy is: configuration,
                              modalities, parameters, memory.
      doctor                  Look whether this machine, a policy and a daemon can
                              fly a robot, and say what to do.
      parity                  Compare this implementation with golden tensors of
                              the official one.
      import                  Turn published weights (pytorch_model.bin) into a
                              checkpoint, without running any code from them.
      synthesize              Write a checkpoint with random weights in a released
                              size, to measure and to test with.
      quantize                Write a checkpoint, or a policy, with its matrices in
                              8 bits.
      bench                   Measure a model or a policy stage by stage, beside
                              the machine's own ceilings.

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
      uio2 rollout --env tabletop:rebuild-l2 --policy expert --loop closed
      uio2 rollout --env metaworld:drawer-open-v3.says-drawer-close-v3

    Episode e of each task uses seed SEED + e, and every seed has a goal of its
    own. The exit code is 0 when all episodes ran, whether or not they succeeded;
    --require-success turns the success rate into part of it.

    The report of --json is written anew after each episode and says whether the
    run is complete, so that a run that is killed leaves what it has flown. A run
    without a single episode leaves the file as it was.

    The simulator's Python imports nothing from the working folder and ignores
    PYTHONPATH; --python-path names folders to look in first. The report names the
    files and versions of the modules that were used.

    USAGE: uio2 rollout [<options>] --env <simulator:task,…>

    OPTIONS:
      --env <simulator:task,…>
                              The simulator and its tasks, e.g.
                              metaworld:push-v3,reach-v3. TASK.says-OTHER: the
                              scene of TASK, the instruction of OTHER.
      --episodes <episodes>   Episodes of each task. (default: 10)
      --seed <seed>           Seed of the first episode of each task. (default: 0)
      --video <folder>        Write a film of every episode there.
      --speech <path>         Say the instructions to a policy that hears: a WAV,
                              FLAC or OGG file, or a folder with such files in a
                              folder TASK for each task, of which the seed chooses
                              one. Films then also have what the policy answers
                              about the scene.
      --json <file>           Write the report there as JSON.
      --max-steps <max-steps> Simulation steps after which an episode has failed
                              (default: the simulator's).
      --clock <clock>         What the deadlines of commands run against: simulated
                              (no answer is late, so a busy machine changes
                              nothing) or wall (as on a real arm). (values:
                              simulated, wall; default: simulated)
      --require-success <rate>
                              Exit with 1 when a smaller share of the episodes
                              succeeds, 0…1.
      --policy <folder>       The policy to serve (default:
                              Policies/metaworld-mt5), or `expert` for the
                              simulator's own.
      --daemon <address>      A daemon that runs already; without it the policy is
                              served here.
      --record <file>         Record every message in a new MCAP file there, for
                              `uio2 replay`, Foxglove and Rerun.
      --weights <format>      Matrices in memory: f32, bf16 or int8 (default: as
                              the files have them where that suits their size).
                              (values: f32, bf16, int8)
      --activations <format>  Inputs of products with int8 weights: int8, int16 or
                              f32 (default: int8 in the encoders of large models,
                              else int16). (values: f32, int8, int16)
      --threads <count>       Threads of the computation (default: as many as there
                              are processors).
      --log-level <log-level> What is logged to standard error, from most to least:
                              trace, debug, info, notice, warning, error, critical.
                              (values: trace, debug, info, notice, warning, error,
                              critical)
      --python <path>         The Python that runs the simulator (default:
                              $UIO2_PYTHON, else the simulator's own, else
                              .venv/bin/python of the repository).
      --python-path <folder>  A folder in which the simulator's modules are looked
                              for first; may be repeated.
      --loop <loop>           How much of an answer is executed before the robot
                              looks again: chunk (all of it), closed (its first
                              action) or open (all of it, and that is the episode).
                              (values: chunk, closed, open; default: chunk)
      --watchdog <seconds>    How long the simulator may report nothing before it
                              is ended as hung. (default: 120.0)
      --max-memory <MiB>      How much memory a simulator may use before a new one
                              takes its place, between two episodes. (default:
                              3000.0)
      --verbose               Show what the simulator writes for people.
      --version               Show the version.
      -h, --help              Show help information.


    """#

  static let task = #"""
    OVERVIEW: Run a task of the release: questions, captions, boxes, joints, depth,
    masks, pictures, sounds.

    Each task has its prompt (--wording 0 is the one that the release evaluates
    with), its limit of tokens and its result; boxes, points, depths and masks are
    in pixels of the picture. -o writes a depth map as a PNG of 16 bits
    (millimetres, white would be 10 m), normals as colours (0 to 255 for −1 to 1),
    a mask white on black; --draw shows boxes, joints and masks on the picture, and
    a depth map in grey.

      uio2 task vqa --model large --image cat.jpg --text "What colour is it?"
      uio2 task localization --model large --image a.jpg --text cat --draw b.png
      uio2 task keypoints --model large --image crowd.jpg --json
      uio2 task depth --model large --image room.jpg -o depth.png
      uio2 task segmentation --model large --image a.jpg --box 9,9,90,90 \
        --text cat --draw b.png
      uio2 task audio-generation --model large --text "rain" -o rain.wav

    Tasks [tokens at most]:
      vqa                 answer a question about a picture in a few words [32]
      caption             describe a picture in a sentence [64]
      refexp              find the one region that an expression describes [5]
      localization        find all regions of a category [256]
      detection           find and name all objects [256]
      keypoints           find the 17 joints of a person, or of all persons [128]
      box-classification  name the object in a box [32]
      categorization      pick the category of a picture from a list
      instruction         follow any instruction in words [512]
      action              say the next action of a robot as numbers [256]
      video-caption       describe a video in a sentence [64]
      video-tagging       name the activity in a video [16]
      audio-caption       describe a sound in a sentence [64]
      depth               estimate the distance of every pixel [1024]
      surface-normals     estimate the direction of every surface [1024]
      segmentation        mark the pixels of an object [1024]
      image-generation    paint a picture from words [1024]
      image-editing       change a picture as an instruction says [1024]
      inpainting          fill a region of a picture anew [1024]
      audio-generation    make a sound from words [512]

    USAGE: uio2 task [<options>] <name> --model <folder>

    ARGUMENTS:
      <name>                  One of the tasks above. (values: vqa, caption,
                              refexp, localization, detection, keypoints,
                              box-classification, categorization, instruction,
                              action, video-caption, video-tagging, audio-caption,
                              depth, surface-normals, segmentation,
                              image-generation, image-editing, inpainting,
                              audio-generation)

    OPTIONS:
      --model <folder>        The folder of config.json, the weights and
                              tokenizer.model.
      --tokenizer <file>      LLaMA's tokenizer.model (default: the one in the
                              model's folder).
      --weights <format>      Matrices in memory: f32, bf16 or int8 (default: as
                              the files have them where that suits their size).
                              (values: f32, bf16, int8)
      --activations <format>  Inputs of products with int8 weights: int8, int16 or
                              f32 (default: int8 in the encoders of large models,
                              else int16). (values: f32, int8, int16)
      --threads <count>       Threads of the computation (default: as many as there
                              are processors).
      --image <file>          A JPEG or PNG file; of several the last is the
                              picture, the earlier ones its history.
      --video <file>          A film, in place of pictures and sound: its last part
                              is the picture, the parts before its history.
      --audio <file>          A sound; of a long one the last 4.08 seconds are what
                              is heard, those before its history.
      --box <x1,y1,x2,y2>     A box in pixels of the picture.
      --text <text>           The question (vqa), the expression (refexp,
                              segmentation), the category (localization), the
                              instruction (instruction, action, image-editing),
                              what there is to see or hear (image-generation,
                              inpainting, audio-generation), what is in the box
                              (segmentation).
      --option <text>         A category to choose from (categorization,
                              box-classification).
      --state <state>         The robot's state as numbers between 0 and 1 with
                              commas between (action).
      --wording <wording>     Which wording of the prompt: 0 the release's, from 1
                              our own.
      --threshold <threshold> Boxes go on while the probability of a location is
                              above this (localization, segmentation: 0.3,
                              detection and keypoints: 0.5).
      --overlap <overlap>     Boxes that overlap an earlier one by more than this
                              are dropped (localization, detection, segmentation:
                              0.8).
      --free-form             Let the model speak freely instead of holding it to a
                              box or to all joints (refexp, keypoints).
      --boxes-only            Do not ask for the category again (localization).
      --coco                  Find the categories of COCO (detection).
      --instances             Find all regions of the category first, then mark the
                              pixels in each, as the release does (segmentation).
      --sum                   Compare by the sum over the tokens rather than the
                              average (categorization, box-classification).
      --single-end            Score one end token; the released runner scores two
                              (categorization, box-classification).
      -o <file>               Where the picture (.png) or the sound (.wav) is
                              written.
      --guidance <scale>      How far a picture or a sound is pulled away from
                              --negative-prompt; 0: not at all (default: 10 for a
                              picture from words, else 0).
      --negative-prompt <text>
                              What it is pulled away from (default: the release's,
                              "An image of a random picture." for pictures).
      --vocoder <path>        HiFi-GAN's generator, which makes sounds audible: its
                              folder or file (torch.save or safetensors,
                              config.json beside it). Without it Griffin and Lim's
                              method does.
      --max-tokens <max-tokens>
                              Most tokens of the answer (default: the task's, 512
                              for generate).
      --temperature <temperature>
                              0: always the most probable token; above: draw, the
                              more evenly the higher (default: 0; pictures and
                              sounds 1; depth, normals and masks 0.9).
      --top-p <top-p>         Draw from the most probable tokens that together have
                              this probability (default: 1; pictures and sounds
                              0.9; masks 0.95).
      --top-k <top-k>         Draw from this many of the most probable tokens.
      --seed <seed>           Of the random numbers; the same seed gives the same
                              answer. (default: 0)
      --beams <beams>         Answers followed at the same time; more than 1 is
                              beam search. (default: 1)
      --json                  Print JSON.
      --draw <file>           Draw boxes, joints or masks onto the picture, or a
                              depth map in grey, as PNG.
      --version               Show the version.
      -h, --help              Show help information.


    """#
}
