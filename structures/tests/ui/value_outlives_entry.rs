use kovan_schemes::schemes::HazardPointer;
use kovan_schemes::Domain;
use kovan_structures::MichaelList;

fn main() {
    let domain = Domain::<HazardPointer>::new();
    let list = MichaelList::<u64, String, _>::new(&domain);
    let handle = domain.register();
    let guard = handle.pin();
    // The shield is gone at the end of the statement, and with it the protection.
    let value = list.get(&guard, &1).unwrap().value();
    println!("{value}");
}
