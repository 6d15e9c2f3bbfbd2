# SPDX-License-Identifier: Apache-2.0
# Completion of wasinn for bash 4 or newer. Where nothing is offered here, readline offers files.

_wasinn_commands='run tensor inspect top backends bench cache help version'

_wasinn_options() {
    case $1 in
    run)
        echo --dir --dir-rw --mapdir --env --model --models --nn-graph --backend --option --backends --abi --named-only --limit --timeout --instances --repeat --cache --no-cache --quiet --stats --profile --help
        ;;
    tensor)
        echo --shape --type --order --layout --mean --scale --fit --resize --as --range --over --opacity --verbose --help
        ;;
    inspect)
        echo --json --backends --help
        ;;
    top)
        echo --type --labels --count --softmax --json --help
        ;;
    backends)
        echo --json --backends --help
        ;;
    bench)
        echo --instances --seconds --shape --input --backend --option --backends --cache --no-cache --plot --json --help
        ;;
    cache)
        echo --cache --older-than --kind --damaged --json --help
        ;;
    '')
        echo --help --version
        ;;
    esac
}

_wasinn_is_flag() {
    case $1 in
    --help | --version | --named-only | --quiet | --stats | --verbose | --json | --softmax | --no-cache | --damaged | --*=* | -?) return 0 ;;
    esac
    return 1
}

# Readline divides words at = and : too. This makes those of the shell again: WORDS, up to the cursor.
_wasinn_split() {
    local line=${COMP_LINE:0:COMP_POINT} rest i
    WORDS=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        rest=${line#"${line%%[![:blank:]]*}"}
        if ((i == 0)) || [[ $rest != "$line" ]]; then
            WORDS+=('')
        fi
        if ((i == COMP_CWORD)); then
            line=$rest
        else
            line=${COMP_WORDS[i]}
        fi
        WORDS[${#WORDS[@]} - 1]+=$line
        line=${rest#"$line"}
    done
}

_wasinn_offer() {
    mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
    compopt +o default
}

# The value of an option. A part after :: or = is a word of its own for readline, which completes its path.
_wasinn_value() {
    local option=$1 word=$2
    case $option in
    --dir | --dir-rw | --backends | --cache) compopt +o default -o dirnames ;;
    --mapdir)
        compopt +o default
        [[ $word != *::* ]] || compopt -o dirnames
        ;;
    --nn-graph)
        if [[ $word == *::* ]]; then
            compopt +o default -o dirnames
        else
            _wasinn_offer "$word" 'openvino:: onnx:: tensorflow:: pytorch:: tensorflowlite:: ggml::'
            compopt -o nospace
        fi
        ;;
    --model) [[ $word == *=* ]] || compopt +o default ;;
    --backends) compopt +o default -o dirnames ;;
    --backend)
        compopt +o default
        if [[ $word != *=* ]]; then
            _wasinn_offer "$word" 'openvino= onnx= tensorflow= pytorch= tensorflowlite= ggml= autodetect='
            compopt -o nospace
        fi
        ;;
    --stats) _wasinn_offer "$word" json ;;
    --abi) _wasinn_offer "$word" 'auto witx wit old' ;;
    --limit)
        if [[ $word == *=* ]]; then
            _wasinn_offer "${word#*=}" unlimited
        else
            _wasinn_offer "$word" 'graphs= executions= model_bytes= tensor_bytes= total_bytes= load_ms= compute_ms='
            compopt -o nospace
        fi
        ;;
    --env)
        compopt +o default
        [[ $word == *=* ]] || mapfile -t COMPREPLY < <(compgen -v -- "$word")
        ;;
    --type) _wasinn_offer "$word" 'f32 f64 f16 bf16 i8 u8 i16 u16 i32 u32 i64 u64 bool' ;;
    --order) _wasinn_offer "$word" 'rgb bgr grey' ;;
    --layout) _wasinn_offer "$word" 'nchw nhwc' ;;
    --fit) _wasinn_offer "$word" 'crop stretch' ;;
    --as) _wasinn_offer "$word" 'picture map classes' ;;
    --kind) _wasinn_offer "$word" 'model module' ;;
    --over | --labels | --models | --profile | --plot | --input) ;;
    *) compopt +o default ;;
    esac
}

_wasinn() {
    local WORDS=() command='' option='' guest='' given word i
    _wasinn_split
    COMPREPLY=()
    word=${WORDS[${#WORDS[@]} - 1]}
    for ((i = 1; i < ${#WORDS[@]} - 1; i++)); do
        given=${WORDS[i]}
        if [[ -n $option ]]; then
            option=''
        elif [[ $given == --* ]]; then
            _wasinn_is_flag "$given" || option=$given
        elif [[ $given != -?* ]]; then
            [[ -n $command ]] && guest=$given
            command=${command:-$given}
        fi
        # All else is the guest's.
        [[ $command == run && -n $guest ]] && return
    done
    if [[ -n $option ]]; then
        _wasinn_value "$option" "$word"
    elif [[ $word == --*=* ]]; then
        _wasinn_value "${word%%=*}" "${word#*=}"
    elif [[ $word == -* && $word != - ]]; then
        _wasinn_offer "$word" "$(_wasinn_options "$command")"
    elif [[ -z $command ]]; then
        _wasinn_offer "$word" "$_wasinn_commands"
    elif [[ $command == help ]]; then
        _wasinn_offer "$word" "${_wasinn_commands% help version}"
    elif [[ $command == run ]]; then
        mapfile -t COMPREPLY < <(compgen -f -X '!*.wasm' -- "$word")
        compopt -o filenames -o plusdirs
    elif [[ $command == version ]]; then
        compopt +o default
    elif [[ $command == cache ]]; then
        _wasinn_offer "$word" 'list check clear'
    fi
}

complete -o default -F _wasinn wasinn
