import subprocess, time, re, os, pathlib, sys
def cpu(pid):
    f=pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(') ',1)[1].split(); return (int(f[11])+int(f[12]))/100
procs={}
for name,val in (('any','any'),('refuse','refuse')):
    p=pathlib.Path(f'{name}.toml'); p.write_text(f'[server]\nlisten=["127.0.0.1:0"]\nworkers=1\n[hardening]\nsystem_calls="{val}"\n[app]\nscript="h.mjs"\n')
    e=open(f'{name}.log','wb'); procs[name]=subprocess.Popen(['/tmp/w/rjsd','--config',str(p)],stderr=e)
time.sleep(2)
addr={n:re.search(r'listening on (\S+)',open(f'{n}.log').read()).group(1) for n in procs}
res={n:[] for n in procs}
for r in range(int(sys.argv[1])):
    for n in procs:
        b=cpu(procs[n].pid); o=subprocess.run(['wrk','-t1','-c64','-d3s',f'http://{addr[n]}/'],capture_output=True,text=True).stdout
        k=int(re.search(r'(\d+) requests in',o).group(1)); res[n].append((cpu(procs[n].pid)-b)/k*1e6)
for n in res: print(n, sorted(round(x,2) for x in res[n]))
for p in procs.values(): p.terminate()
