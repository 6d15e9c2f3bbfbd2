# SPDX-License-Identifier: Apache-2.0
# Completion of wasinn for fish.

# The command on the line, none, or `guest` once the guest of `run` is named.
function __wasinn_command
    set -l words (commandline -opc)
    set -e words[1]
    set -l found
    while set -q words[1]
        set -l word $words[1]
        set -e words[1]
        switch $word
            case --help --version --named-only --quiet --stats --verbose --json --softmax --no-cache --damaged '--*=*'
                continue
            case '--*'
                set -e words[1]
            case '-?*'
                continue
            case '*'
                if test "$found" = run
                    set found guest
                    break
                end
                set -q found[1]; or set found $word
        end
    end
    echo $found
end

function __wasinn_in
    test (__wasinn_command) = "$argv"
end

# What is a path in NAME=PATH and GUEST::HOST: the paths after that text, each with the text before it.
function __wasinn_after
    set -l parts (string split -m 1 -- $argv[1] (commandline -ct))
    if set -q parts[2]
        printf '%s\n' $parts[1]$argv[1](__fish_complete_path $parts[2])
    end
end

function __wasinn_graph
    string match -q '*::*' -- (commandline -ct); and __wasinn_after ::; or printf '%s::\n' openvino onnx tensorflow pytorch tensorflowlite ggml
end

set -l types 'f32 f64 f16 bf16 i8 u8 i16 u16 i32 u32 i64 u64 bool'

complete -c wasinn -n '__wasinn_in ""' -f -a run -d 'Run a guest'
complete -c wasinn -n '__wasinn_in ""' -f -a tensor -d 'Turn a picture into a tensor, and back'
complete -c wasinn -n '__wasinn_in ""' -f -a inspect -d 'Show what a model or a guest wants and gives'
complete -c wasinn -n '__wasinn_in ""' -f -a top -d 'Show the best values of an output'
complete -c wasinn -n '__wasinn_in ""' -f -a backends -d 'List the runtimes and what they load'
complete -c wasinn -n '__wasinn_in ""' -f -a bench -d 'Measure how fast a model is'
complete -c wasinn -n '__wasinn_in ""' -f -a cache -d 'Look after the cache of compiled models'
complete -c wasinn -n '__wasinn_in ""' -f -a help -d 'Show the options of a command'
complete -c wasinn -n '__wasinn_in ""' -f -a version -d 'Show the versions and where OpenVINO is'
complete -c wasinn -n '__wasinn_in ""' -s h -l help -d 'Show the commands'
complete -c wasinn -n '__wasinn_in ""' -s V -l version -d 'Show the versions'
complete -c wasinn -n '__wasinn_in help' -f -a 'run tensor inspect top backends bench cache'

complete -c wasinn -n '__wasinn_in run' -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'Let the guest read a folder'
complete -c wasinn -n '__wasinn_in run' -l dir-rw -x -a '(__fish_complete_directories (commandline -ct))' -d 'Let it read and write a folder'
complete -c wasinn -n '__wasinn_in run' -l mapdir -x -a '(__wasinn_after ::)' -d 'Older spelling of --dir'
complete -c wasinn -n '__wasinn_in run' -l env -x -a '(set -xn)' -d 'Set or pass on a variable'
complete -c wasinn -n '__wasinn_in run' -l model -x -a '(__wasinn_after =)' -d 'Register a model'
complete -c wasinn -n '__wasinn_in run' -l models -r -F -d 'Register the models that a file lists'
complete -c wasinn -n '__wasinn_in run' -l nn-graph -x -a '(__wasinn_graph)' -d 'Register a model under its folder\'s name'
complete -c wasinn -n '__wasinn_in run' -l backend -x -a 'openvino= onnx= tensorflow= pytorch= tensorflowlite= ggml= autodetect=' -d 'Which backend loads an encoding'
complete -c wasinn -n '__wasinn_in run' -l option -x -d 'An option for all models of a backend'
complete -c wasinn -n '__wasinn_in run' -l backends -x -a '(__fish_complete_directories (commandline -ct))' -d 'Folders with backends'
complete -c wasinn -n '__wasinn_in run' -l abi -x -a 'auto witx wit old' -d 'What the guest\'s numbers mean'
complete -c wasinn -n '__wasinn_in run' -l named-only -d 'Registered models only'
complete -c wasinn -n '__wasinn_in run' -l limit -x -a 'graphs= executions= model_bytes= tensor_bytes= total_bytes= load_ms= compute_ms=' -d 'What the guest may hold or take'
complete -c wasinn -n '__wasinn_in run' -l timeout -x -d 'End the guest after that time'
complete -c wasinn -n '__wasinn_in run' -l instances -x -d 'Run guests at once'
complete -c wasinn -n '__wasinn_in run' -l repeat -x -d 'Run guests one after the other'
complete -c wasinn -n '__wasinn_in run' -l cache -x -a '(__fish_complete_directories (commandline -ct))' -d 'Keep what is compiled in a folder'
complete -c wasinn -n '__wasinn_in run' -l no-cache -d 'Keep nothing'
complete -c wasinn -n '__wasinn_in run' -l quiet -d 'Do not explain failed calls'
complete -c wasinn -n '__wasinn_in run' -l stats -a json -d 'Tell where the time went'
complete -c wasinn -n '__wasinn_in run' -l profile -r -F -d 'Write what happened when, for a trace viewer'
complete -c wasinn -n '__wasinn_in run' -s h -l help -d 'Show the options'
complete -c wasinn -n '__wasinn_in run' -k -a '(__fish_complete_suffix .wasm)'

complete -c wasinn -n '__wasinn_in tensor' -l shape -x -d 'The shape of the tensor'
complete -c wasinn -n '__wasinn_in tensor' -l type -x -a $types -d 'Type of the numbers'
complete -c wasinn -n '__wasinn_in tensor' -l order -x -a 'rgb bgr grey' -d 'Order of the channels'
complete -c wasinn -n '__wasinn_in tensor' -l layout -x -a 'nchw nhwc' -d 'Planes, or channels together'
complete -c wasinn -n '__wasinn_in tensor' -l mean -x -d 'Subtracted from each pixel'
complete -c wasinn -n '__wasinn_in tensor' -l scale -x -d 'Divides the difference'
complete -c wasinn -n '__wasinn_in tensor' -l fit -x -a 'crop stretch' -d 'How the picture fits the shape'
complete -c wasinn -n '__wasinn_in tensor' -l resize -x -d 'Shorter side before the cut'
complete -c wasinn -n '__wasinn_in tensor' -l as -x -a 'picture map classes' -d 'Make a picture of a tensor'
complete -c wasinn -n '__wasinn_in tensor' -l range -x -d 'Values at the ends of the colours'
complete -c wasinn -n '__wasinn_in tensor' -l over -r -F -d 'Lay it over a photograph'
complete -c wasinn -n '__wasinn_in tensor' -l opacity -x -d 'How much of the colours is seen'
complete -c wasinn -n '__wasinn_in tensor' -l verbose -d 'Tell what was written'
complete -c wasinn -n '__wasinn_in tensor' -s h -l help -d 'Show the options'

complete -c wasinn -n '__wasinn_in inspect' -l json -d 'Show it as JSON'
complete -c wasinn -n '__wasinn_in inspect' -l backends -x -a '(__fish_complete_directories (commandline -ct))' -d 'Folders with more backends'
complete -c wasinn -n '__wasinn_in inspect' -s h -l help -d 'Show the options'

complete -c wasinn -n '__wasinn_in top' -l type -x -a $types -d 'Type of the numbers'
complete -c wasinn -n '__wasinn_in top' -l labels -r -F -d 'Names of the classes'
complete -c wasinn -n '__wasinn_in top' -l count -x -d 'How many'
complete -c wasinn -n '__wasinn_in top' -l softmax -d 'Turn scores into probabilities'
complete -c wasinn -n '__wasinn_in top' -l json -d 'Show it as JSON'
complete -c wasinn -n '__wasinn_in top' -s h -l help -d 'Show the options'

complete -c wasinn -n '__wasinn_in backends' -l json -d 'Show it as JSON'
complete -c wasinn -n '__wasinn_in backends' -l backends -x -a '(__fish_complete_directories (commandline -ct))' -d 'More folders with backends'
complete -c wasinn -n '__wasinn_in backends' -s h -l help -d 'Show the options'

complete -c wasinn -n '__wasinn_in bench' -l instances -x -d 'How many guests at once'
complete -c wasinn -n '__wasinn_in bench' -l seconds -x -d 'How long each figure is measured'
complete -c wasinn -n '__wasinn_in bench' -l shape -x -d 'The shape of an input'
complete -c wasinn -n '__wasinn_in bench' -l input -r -F -a '(__wasinn_after =)' -d 'The values of an input'
complete -c wasinn -n '__wasinn_in bench' -l backend -x -a 'openvino= onnx= tensorflow= pytorch= tensorflowlite= ggml= autodetect=' -d 'Which backend loads an encoding'
complete -c wasinn -n '__wasinn_in bench' -l option -x -d 'An option for the models of a backend'
complete -c wasinn -n '__wasinn_in bench' -l backends -x -a '(__fish_complete_directories (commandline -ct))' -d 'Folders with backends'
complete -c wasinn -n '__wasinn_in bench' -l cache -x -a '(__fish_complete_directories (commandline -ct))' -d 'Use the cache in a folder'
complete -c wasinn -n '__wasinn_in bench' -l no-cache -d 'Use no cache'
complete -c wasinn -n '__wasinn_in bench' -l plot -r -F -d 'Make a picture'
complete -c wasinn -n '__wasinn_in bench' -l json -d 'Show it as JSON'
complete -c wasinn -n '__wasinn_in bench' -s h -l help -d 'Show the options'

complete -c wasinn -n '__wasinn_in cache' -f -a 'list check clear'
complete -c wasinn -n '__wasinn_in cache' -l cache -x -a '(__fish_complete_directories (commandline -ct))' -d 'The folder'
complete -c wasinn -n '__wasinn_in cache' -l older-than -x -d 'Clear what was not used for so long'
complete -c wasinn -n '__wasinn_in cache' -l kind -x -a 'model module' -d 'Clear entries of a kind'
complete -c wasinn -n '__wasinn_in cache' -l damaged -d 'Clear what is damaged'
complete -c wasinn -n '__wasinn_in cache' -l json -d 'Show it as JSON'
complete -c wasinn -n '__wasinn_in cache' -s h -l help -d 'Show the options'
