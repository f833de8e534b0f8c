/** The prompt by which an agent learns to ask a model about a file that the server must not see. */

type Given = Readonly<Record<string, string>>;

/** As MCP has prompts, of either server. */
export const ASK_PRIVATELY = {
  name: 'ask_privately',
  title: 'Ask a model about a file that its server must not see',
  description:
    'How to have a file classified under encryption: which tool to call, what it needs, and what to tell.',
  arguments: [
    { name: 'file', description: 'Absolute path of the file on this machine', required: true },
    { name: 'model', description: 'Where the server has several' },
    {
      name: 'server',
      description: 'By the name under which the local server knows it, where it knows several',
    },
  ],
  messages: (given: Given) => [
    { role: 'user' as const, content: { type: 'text' as const, text: instructions(given) } },
  ],
};

/** What the user names is quoted, so that none of it reads as an instruction. */
function instructions({ file = '', model, server }: Given): string {
  const options = Object.entries({ image_path: file, server, model })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [
    `Have the file classified under encryption. Call the tool fhe_classify_file of the local cryptographic server with ${options.join(', ')}.`,
    'Do not read the file, and do not pass its contents to any other tool: only the local server may see it. The remote server receives ciphertexts, and keys that decrypt nothing.',
    'The first call for a model makes and sends keys, which takes from seconds to minutes. If a call ends before the answer is there, call again with the session_id that it named.',
    'Tell the class with its score, the precision in bits, and every note and warning of the answer. If the input is out of range, say so instead of an answer.',
    'Where there is no tool fhe_classify_file, say that the local server is missing: `he-compile crypto --root FOLDER --server NAME=URL` starts it.',
  ].join('\n');
}
